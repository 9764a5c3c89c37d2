package store

import (
	"encoding/binary"
	"encoding/hex"
	"time"

	"github.com/diglot/diglot/core"
)

// Arguments in PostgreSQL's binary format; nil is null.

func uuidArg(id core.TenantID) []byte {
	if !id.Valid() {
		return nil // inTenant refuses it
	}
	b := make([]byte, 0, 36)
	b = append(append(append(append(append(b, id[:8]...), id[9:13]...), id[14:18]...), id[19:23]...), id[24:]...)
	n, _ := hex.Decode(b, b)
	return b[:n]
}

func textArg(s string) []byte { return []byte(s) }

func optTextArg(s *string) []byte {
	if s == nil {
		return nil
	}
	return []byte(*s)
}

func jsonArg(j core.JSON) []byte {
	if len(j) == 0 {
		return nil
	}
	return j
}

// textOID is the type that an array says its elements are of.
const textOID = 25

// textsArg gives an array of one dimension: dimensions, nulls, the type; its
// length and first index; each element behind its length.
func textsArg(texts []string) []byte {
	dimensions := uint32(1)
	if len(texts) == 0 {
		dimensions = 0
	}
	b := binary.BigEndian.AppendUint32(nil, dimensions)
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint32(b, textOID)
	if len(texts) == 0 {
		return b
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(texts))) //nolint:gosec // a request's elements
	b = binary.BigEndian.AppendUint32(b, 1)
	for _, t := range texts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(t))) //nolint:gosec // a request's text
		b = append(b, t...)
	}
	return b
}

// versionsArg gives null where any version will do.
func versionsArg(p core.Precondition) []byte {
	if p.OneOf == nil {
		return nil
	}
	texts := make([]string, len(p.OneOf))
	for i, v := range p.OneOf {
		texts[i] = string(v)
	}
	return textsArg(texts)
}

func intArg(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) } //nolint:gosec // two's complement is the format

func boolArg(b bool) []byte {
	if b {
		return []byte{1}
	}
	return []byte{0}
}

func optBoolArg(b *bool) []byte {
	if b == nil {
		return nil
	}
	return boolArg(*b)
}

// epochMicros is the moment that PostgreSQL counts microseconds from, in Unix time.
var epochMicros = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()

func timeArg(t time.Time) []byte { return intArg(t.UnixMicro() - epochMicros) }

// row gives the values of a result's row one after the other, in the order of
// its columns. What it gives is a copy.
type row struct{ values [][]byte }

func (r *row) next() []byte {
	v := r.values[0]
	r.values = r.values[1:]
	return v
}

func (r *row) text() string { return string(r.next()) }

func (r *row) optText() *string {
	v := r.next()
	if v == nil {
		return nil
	}
	s := string(v)
	return &s
}

// texts gives the elements of an array of text that has no nulls in it.
func (r *row) texts() []string {
	const head, bounds, length = 12, 8, 4
	v := r.next()
	out := []string{}
	if len(v) < head+bounds { // no dimensions: no elements
		return out
	}
	for v = v[head+bounds:]; len(v) >= length; {
		n := int(binary.BigEndian.Uint32(v))
		out = append(out, string(v[length:length+n]))
		v = v[length+n:]
	}
	return out
}

func (r *row) uuid() string {
	v := r.next()
	b := make([]byte, 0, 36)
	for i, part := range [][]byte{v[:4], v[4:6], v[6:8], v[8:10], v[10:]} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, part)
	}
	return string(b)
}

func (r *row) json() core.JSON {
	v := r.next()
	if v == nil {
		return nil
	}
	return append(core.JSON{}, v...)
}

func (r *row) int() int64 { return int64(binary.BigEndian.Uint64(r.next())) } //nolint:gosec // two's complement is the format

func (r *row) bool() bool { return r.next()[0] != 0 }

func (r *row) optBool() *bool {
	v := r.next()
	if v == nil {
		return nil
	}
	b := v[0] != 0
	return &b
}

func (r *row) time() time.Time { return time.UnixMicro(r.int() + epochMicros).UTC() }
