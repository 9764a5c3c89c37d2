package testmode

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"sync"
	"time"

	"github.com/diglot/diglot/core"
)

// IDs makes ids: with a seed the same ones from run to run, for the same requests
// in the same order, as far as the clock stands still; else random ones. It is
// safe for concurrent use.
type IDs struct {
	start  *uint64
	random core.IDSource

	mu   sync.Mutex
	seed *uint64
	made made
}

// made is how many ids were made of each kind: ids of one kind are no others'
// business, so that one more request does not change what a record is called.
type made struct{ objects, records, requests uint64 }

func newIDs(seed *uint64) *IDs { return &IDs{start: seed, seed: seed, random: core.NewIDSource()} }

// ObjectID makes an object id. It is a [core.IDSource].
func (s *IDs) ObjectID(now time.Time) core.ObjectID {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seed == nil {
		return s.random(now)
	}
	s.made.objects++
	sum := derive("object id", *s.seed, 0)
	id := s.random(now) // for its time
	copy(id[4:9], sum[:5])
	copy(id[9:], binary.BigEndian.AppendUint64(nil, s.made.objects)[5:])
	return id
}

// UUID makes the uid of a record. It is a [core.UUIDSource].
func (s *IDs) UUID() string { return s.uuid("record", func(m *made) *uint64 { return &m.records }) }

// RequestID makes the id of a request.
func (s *IDs) RequestID() string {
	return s.uuid("request", func(m *made) *uint64 { return &m.requests })
}

func (s *IDs) uuid(kind string, of func(*made) *uint64) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seed == nil {
		return core.NewUUID()
	}
	n := of(&s.made)
	*n++
	return uuidOf(derive(kind, *s.seed, *n))
}

// Seed gives the seed; nil: ids are random.
func (s *IDs) Seed() *uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seed
}

// Begin has ids begin anew from a seed; nil: random ones.
func (s *IDs) Begin(seed *uint64) { s.goTo(seed, made{}) }

// Reset has ids begin anew as at the start.
func (s *IDs) Reset() { s.goTo(s.start, made{}) }

func (s *IDs) goTo(seed *uint64, n made) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seed, s.made = seed, n
}

func (s *IDs) at() (*uint64, made) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seed, s.made
}

// derive gives bytes that are others for each kind, seed and number.
func derive(kind string, seed, n uint64) [sha256.Size]byte {
	b := append([]byte("diglot test "), kind...)
	b = binary.BigEndian.AppendUint64(b, seed)
	return sha256.Sum256(binary.BigEndian.AppendUint64(b, n))
}

// uuidOf makes a version 4 UUID of bytes.
func uuidOf(b [sha256.Size]byte) string {
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
