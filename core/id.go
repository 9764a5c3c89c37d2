package core

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"sync/atomic"
	"time"
)

// ObjectID is a server's identity: 12 bytes, written as 24 lower-case hex
// digits. The first four bytes are the second of creation, big-endian Unix
// time, as in MongoDB's ObjectId.
type ObjectID [12]byte

// ParseObjectID reads 24 hex digits in either case; ok is false for anything else.
func ParseObjectID(s string) (id ObjectID, ok bool) {
	if len(s) != 2*len(id) {
		return id, false
	}
	_, err := hex.Decode(id[:], []byte(s))
	return id, err == nil
}

// String gives the 24 lower-case hex digits.
func (id ObjectID) String() string { return hex.EncodeToString(id[:]) }

// Time gives the second of creation, UTC.
func (id ObjectID) Time() time.Time {
	return time.Unix(int64(binary.BigEndian.Uint32(id[:4])), 0).UTC()
}

// IDSource makes ids that were never made before. It takes the moment of
// creation because an id begins with it.
type IDSource func(now time.Time) ObjectID

// NewIDSource gives a source that is unique among processes: after the second
// come five random bytes drawn once and a counter that starts at random.
// It is safe for concurrent use.
func NewIDSource() IDSource {
	var seed [9]byte
	_, _ = rand.Read(seed[:]) // crypto/rand.Read never fails
	var counter atomic.Uint32
	counter.Store(binary.BigEndian.Uint32(seed[5:]))
	return func(now time.Time) ObjectID {
		var id ObjectID
		binary.BigEndian.PutUint32(id[:4], uint32(now.Unix())) //nolint:gosec // ObjectId keeps 32 bits of the second, by definition
		copy(id[4:9], seed[:5])
		var n [4]byte
		binary.BigEndian.PutUint32(n[:], counter.Add(1))
		copy(id[9:], n[1:])
		return id
	}
}

// Clock tells the time. All times that core stores come from it.
type Clock func() time.Time

// TenantID is a tenant's identity: a UUID in its canonical lower-case text.
type TenantID string

// NewTenantID makes a random (version 4) tenant id.
func NewTenantID() TenantID { return TenantID(NewUUID()) }

// Valid reports whether the id is a canonical UUID. A store must refuse any
// other, since it may write the id into a statement.
func (id TenantID) Valid() bool { return canonicalUUID(string(id)) }

func canonicalUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}

// UUIDSource makes UUIDs that were never made before, in their canonical text.
type UUIDSource func() string

// NewUUID makes a random (version 4) UUID in its canonical text.
func NewUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var out [36]byte
	hex.Encode(out[:8], b[:4])
	hex.Encode(out[9:13], b[4:6])
	hex.Encode(out[14:18], b[6:8])
	hex.Encode(out[19:23], b[8:10])
	hex.Encode(out[24:], b[10:])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return string(out[:])
}
