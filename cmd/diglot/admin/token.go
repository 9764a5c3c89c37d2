package admin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"
)

// MinTokenBytes is the least that an operator's token has.
const MinTokenBytes = 32

// maxFileBytes bounds the file of tokens.
const maxFileBytes = 1 << 20

// Admins are those who may use the API, by their tokens. It is safe for
// concurrent use.
type Admins struct {
	path string // of the file that they come from; empty: from none
	log  *slog.Logger

	mu   sync.Mutex
	text []byte // of the file, as it was read last
	list []admin
}

type admin struct {
	name string
	hash [sha256.Size]byte
}

// OneAdmin makes the one whose token it is, called "admin".
func OneAdmin(token string) (*Admins, error) {
	if err := checkToken(token); err != nil {
		return nil, err
	}
	return &Admins{list: []admin{{"admin", sha256.Sum256([]byte(token))}}}, nil
}

// AdminsFromFile reads "name:token", one a line; blank lines and those that
// begin with "#" are passed over. A name may have several tokens. The file is
// looked at with each request: a token that is added or taken out is so from the
// next one on. While it can't be read, or has a line that is wrong, what it said
// before holds, and the log says why.
func AdminsFromFile(path string, log *slog.Logger) (*Admins, error) {
	a := &Admins{path: path, log: log}
	return a, a.read()
}

func (a *Admins) read() error {
	text, err := readBounded(a.path)
	if err != nil || a.text != nil && bytes.Equal(text, a.text) {
		return err
	}
	list, err := parseAdmins(string(text))
	if err == nil {
		a.list = list
	}
	if err == nil || a.text == nil {
		a.text = text
	}
	return err
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	text, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if len(text) > maxFileBytes {
		return nil, fmt.Errorf("%s has more than %d bytes", path, maxFileBytes)
	}
	return text, err
}

var adminName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$`)

func parseAdmins(text string) ([]admin, error) {
	var list []admin
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, token, ok := strings.Cut(line, ":")
		if !ok || !adminName.MatchString(name) {
			return nil, fmt.Errorf("line %d must be name:token, the name 1 to 100 letters, digits, dots, dashes, underscores or @", i+1)
		}
		if err := checkToken(token); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		next := admin{name, sha256.Sum256([]byte(token))}
		for _, other := range list {
			if other.hash == next.hash {
				return nil, fmt.Errorf("line %d has a token that another line has", i+1)
			}
		}
		list = append(list, next)
	}
	if len(list) == 0 {
		return nil, errors.New("there is no token in it")
	}
	return list, nil
}

func checkToken(token string) error {
	if len(token) < MinTokenBytes {
		return fmt.Errorf("a token must have at least %d characters", MinTokenBytes)
	}
	for i := range len(token) {
		if token[i] <= ' ' || token[i] > '~' {
			return errors.New("a token is printable ASCII without spaces")
		}
	}
	return nil
}

// name gives whose a token is. It takes as long for each that there is.
func (a *Admins) name(ctx context.Context, token string) (name string, ok bool) {
	hash := sha256.Sum256([]byte(token))
	for _, one := range a.current(ctx) {
		if subtle.ConstantTimeCompare(one.hash[:], hash[:]) == 1 {
			name, ok = one.name, true
		}
	}
	return name, ok
}

func (a *Admins) current(ctx context.Context) []admin {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.path != "" {
		if err := a.read(); err != nil {
			a.log.ErrorContext(ctx, "read the file of admin tokens; what it said before holds", slog.String("error", err.Error()))
		}
	}
	return a.list
}

// authenticate gives the name of whoever sends the request. Requests with a good
// token are never refused; of the others only so many are answered in detail.
func (h *Handler) authenticate(r *http.Request) (string, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		if name, ok := h.Admins.name(r.Context(), strings.TrimSpace(token)); ok {
			return name, nil
		}
	}
	if !h.refused.take(time.Now()) {
		return "", &failure{kind: tooMany, detail: "a good token is always heard"}
	}
	return "", &failure{kind: unauthorized, detail: "send an operator's token as Authorization: Bearer"}
}

// Requests without a good token that are answered 401 and logged, of this
// process: beyond them it is 429, and no line in the log.
const (
	refusedPerSecond = 10
	refusedAtOnce    = 50
)

// bucket lets so many pass in a second, and more at once where few came before.
type bucket struct {
	mu    sync.Mutex
	left  float64
	taken time.Time
}

func newBucket() bucket { return bucket{left: refusedAtOnce} }

func (b *bucket) take(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.taken.IsZero() {
		b.left = min(refusedAtOnce, b.left+refusedPerSecond*now.Sub(b.taken).Seconds())
	}
	b.taken = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
