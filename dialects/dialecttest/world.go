package dialecttest

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/dialecttest/openapitest"
)

// Backend is both of core's ports over one storage.
type Backend interface {
	core.Store
	core.Directory
}

// Dialect is what the runner needs of a dialect.
type Dialect struct {
	Name     core.DialectName
	NewStore func() Backend
	// Handler serves the dialect. It fills in the world's values that the
	// dialect's requests use beyond the ones that [NewWorld] gives.
	Handler Handler
	// Create is a request that creates a server, with $DESCRIPTION in a string.
	Create string
	// Read is a request that lists servers.
	Read string
	// Documents are the OpenAPI documents that every answer is held to.
	Documents []*openapitest.Document
	// Document gives the one of them that an answer is held to; nil: the first.
	Document func(Asked) *openapitest.Document
}

// World is what a case runs in. All of it is the same every time.
type World struct {
	Core     *core.Service
	Operator *core.Operator
	Store    *Faulty
	Secret   *core.Secret
	Clock    *Clock
	Log      *Log
	Logger   *slog.Logger
	// Acme is the tenant whose credentials requests carry, Other the one that
	// must stay out of sight. Both have both addresses.
	Acme, Other core.Tenant
	// Limits are those of tenants that have none of their own, Slots who has
	// requests under way, Bodies and Answers what those take of memory.
	Limits  core.Limits
	Slots   *dialects.Slots
	Bodies  *dialects.Bodies
	Answers *dialects.Answers
	// Values are what placeholders stand for. Those in Secrets must not be logged.
	Values  map[string]string
	Secrets []string

	mu         sync.Mutex
	requestIDs uint64
	uuids      uint64
	seconds    core.IDSource
	nextIDs    []core.ObjectID
	counter    uint32
}

// Setting is what differs from world to world.
type Setting struct {
	Start       time.Time // the first request's time; zero: [Epoch]
	Frozen      bool
	URLTemplate string
	RateLimit   int // requests a minute of a tenant; 0: any number
}

// defaultRateLimit is a case's limit, unless it says otherwise.
const defaultRateLimit = 20_000

// Epoch is when the first request of a case comes, unless it says otherwise:
// the second in the id of seed 000's server.
var Epoch = time.Date(2025, time.July, 9, 8, 9, 43, 177_000_000, time.UTC)

// The accounts and keys of the world, in the vendors' shapes.
const (
	account      = "customer@example.com"
	otherAccount = "other@example.com"
)

var keys = []struct {
	placeholder string
	dialect     core.DialectName
	other       bool
	value       string
}{
	{"REFOLD_KEY", core.Refold, false, "tkb5b9f358-4160-4fea-a926-cf52b271489d"},
	{"OTHER_REFOLD_KEY", core.Refold, true, "tk3f0c8a51-97d2-4c5e-8b46-1d2e90a7f6c3"},
	{"COMETCHAT_KEY", core.CometChat, false, "9f2c4e6a8b0d1f3e5a7c9b1d3f5e7a9c0b2d4f68"},
	{"OTHER_COMETCHAT_KEY", core.CometChat, true, "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"},
}

// NewWorld makes a world over an empty store. In the requests of a dialect
// $KEY and $OTHER_KEY are that dialect's.
func NewWorld(t testing.TB, dialect core.DialectName, store Backend, s Setting) *World {
	t.Helper()
	if s.Start.IsZero() {
		s.Start = Epoch
	}
	secret, err := core.NewSecret([]byte("the secret of the golden world"))
	require.NoError(t, err)
	w := &World{
		Limits: core.Limits{Rate: &s.RateLimit}, Slots: dialects.NewSlots(), Bodies: dialects.NewBodies(dialects.MinBodyMemory),
		Answers: dialects.NewAnswers(dialects.MinAnswerMemory),
		Store:   &Faulty{Backend: store}, Secret: secret, Clock: &Clock{now: s.Start, frozen: s.Frozen}, Log: &Log{},
		Values:  map[string]string{"ACCOUNT": account, "OTHER_ACCOUNT": otherAccount, "BOM": "\uFEFF", "FF": "\xff"},
		seconds: core.NewIDSource(),
		counter: 0x49bc14, // the first id of the epoch is seed 000's
	}
	w.Logger = slog.New(slog.NewJSONHandler(w.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.Core = core.NewService(w.Store, secret, w.Clock.Now, w.newID, core.WithUUIDs(w.newUUID))
	w.Operator = core.NewOperator(store, secret, w.Clock.Now, core.WithIDs(operatorID))
	w.Acme = w.tenant(t, core.Tenant{
		Name: "acme", URLTemplate: s.URLTemplate,
		Refold:    &core.RefoldAddress{OrgID: "6698b77a733c5ebd8908189e", Environment: core.Test},
		CometChat: &core.CometChatAddress{AppID: "my-app-id", Region: "us"},
	}, account)
	w.Other = w.tenant(t, core.Tenant{
		Name:      "other",
		Refold:    &core.RefoldAddress{OrgID: "6500a1b2c3d4e5f6a7b8c9d0", Environment: core.Test},
		CometChat: &core.CometChatAddress{AppID: "other-app", Region: "eu"},
	}, otherAccount)
	for _, k := range keys {
		tenant := w.Acme
		if k.other {
			tenant = w.Other
		}
		_, err := w.Operator.CreateKey(t.Context(), tenant, k.dialect, k.value)
		require.NoError(t, err)
		w.AddSecret(k.placeholder, k.value)
		if k.dialect == dialect {
			w.Values[map[bool]string{false: "KEY", true: "OTHER_KEY"}[k.other]] = k.value
		} else {
			w.Values[map[bool]string{false: "FOREIGN_KEY", true: "OTHER_FOREIGN_KEY"}[k.other]] = k.value
		}
	}
	return w
}

// AddSecret gives a placeholder a value that must not be logged.
func (w *World) AddSecret(placeholder, value string) {
	w.Values[placeholder] = value
	w.Secrets = append(w.Secrets, value)
}

func (w *World) tenant(t testing.TB, in core.Tenant, account string) core.Tenant {
	t.Helper()
	out, err := w.Operator.CreateTenant(t.Context(), in)
	require.NoError(t, err)
	_, err = w.Operator.CreateAccount(t.Context(), out, account)
	require.NoError(t, err)
	return out
}

// Issue issues a session of a tenant's account, as at a moment.
func (w *World) Issue(tenant core.Tenant, account string, at time.Time, lifetime, refresh time.Duration) core.Session {
	s, err := w.Store.Backend.IssueSession(context.Background(), tenant.ID, core.SessionRequest{
		Session: core.Session{
			SessionID:        core.SessionID{Account: account, IssuedAt: at.Unix(), ExpiresAt: at.Add(lifetime).Unix()},
			RefreshExpiresAt: at.Add(refresh).Unix(),
		},
		Fresh: true,
	})
	if err != nil {
		panic(err)
	}
	return s
}

// NewRequestID counts up from the seeds' request id.
func (w *World) NewRequestID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requestIDs++
	return fmt.Sprintf("89bd1675-a826-46cb-9210-%012x", 0x6cb2ae169f66+w.requestIDs)
}

// newUUID counts up.
func (w *World) newUUID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.uuids++
	return fmt.Sprintf("5d0e5a2c-8f31-4c6e-9b7a-%012x", 0x3b9ac9ff00+w.uuids)
}

// newID counts up, after the ids that a fixture asked for.
func (w *World) newID(now time.Time) (id core.ObjectID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.nextIDs) > 0 {
		id, w.nextIDs = w.nextIDs[0], w.nextIDs[1:]
		return id
	}
	id = w.seconds(now) // and random bytes, which go
	copy(id[4:], "\x39\x7a\x76\xe7\x64")
	copy(id[9:], binary.BigEndian.AppendUint32(nil, w.counter)[1:])
	w.counter++
	return id
}

// operatorID is every account's that an operator made: the second in it aside,
// the worlds' counter is for what requests make.
func operatorID(now time.Time) (id core.ObjectID) {
	copy(id[:], binary.BigEndian.AppendUint32(nil, uint32(now.Unix())))
	copy(id[4:], "\x39\x7a\x76\xe7\x64")
	return id
}

// Clock is the world's: it moves a second with each request.
type Clock struct {
	mu     sync.Mutex
	now    time.Time
	frozen bool
}

// Now is a [core.Clock].
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Set moves the clock to a time, and gives the one it showed.
func (c *Clock) Set(to time.Time) (was time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	was, c.now = c.now, to
	return was
}

func (c *Clock) tick(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.frozen {
		c.now = c.now.Add(d)
	}
}
