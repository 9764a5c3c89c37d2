package dialects

import (
	"bytes"
	"errors"
	"io"
	"sync/atomic"

	"github.com/diglot/diglot/core"
)

// Bodies is the memory that bodies of requests may take, of all dialects that
// share it. What has come of a body is counted until its request is answered,
// not what was announced; a body of up to freeBytes is not counted at all. It is
// safe for concurrent use.
type Bodies struct{ budget }

// budget counts memory, in bytes, of all and of each tenant.
type budget struct {
	most, share int64
	held        atomic.Int64
	of          perTenant[atomic.Int64]
}

func newBudget(most, share int64) budget {
	return budget{most: most, share: share, of: newPerTenant[atomic.Int64]()}
}

// Return ends what was taken.
func (b *budget) Return(tenant core.TenantID, n int64) {
	b.of.get(tenant).Add(-n)
	b.held.Add(-n)
}

const (
	// DefaultBodyMemory is what [NewBodies] gets where nobody says otherwise, in
	// bytes. What is made of a body takes several times as much.
	DefaultBodyMemory = 64 << 20
	// MinBodyMemory has two of the largest bodies fit.
	MinBodyMemory = 2 * core.MaxBodyBytes

	// freeBytes of a body are not counted, so that what clients usually send is
	// served whoever fills the rest. Each connection has buffers of that size.
	freeBytes = 16 << 10
	// shares is of how many tenants each could fill its share.
	shares = 4
)

// NewBodies gives memory for bodies, most bytes of it, a quarter for each tenant,
// but one body of any size always.
func NewBodies(most int) *Bodies {
	return &Bodies{newBudget(int64(most), max(int64(most)/shares, core.MaxBodyBytes+1))}
}

// Why there is no memory for a body.
var (
	errBodyShare  = &core.Error{Kind: core.TooMany, Noun: "tenant", Message: "bodies of the tenant's requests take as much memory as they may"}
	errBodyMemory = &core.Error{Kind: core.Unavailable, Noun: "service", Message: "bodies of requests take as much memory as they may"}
)

// Take counts bytes of a tenant's, and says why it may not have them.
func (b *Bodies) Take(tenant core.TenantID, n int64) error {
	switch own, all := b.take(tenant, 0, n, b.share, false); {
	case own:
		return errBodyShare
	case all:
		return errBodyMemory
	}
	return nil
}

// take counts bytes more of a tenant's that has had some for the same: up to its
// share in all, and up to alone where it has nothing else. It says of which there
// would be too many, of its own or of all, and counts nothing then; what is owed
// is counted in any case. What is refused is at no moment counted among all, or
// other tenants would be refused for it.
func (b *budget) take(tenant core.TenantID, had, n, alone int64, owed bool) (own, all bool) {
	of := b.of.get(tenant)
	for {
		was := of.Load()
		switch now := was + n; {
		case owed:
		case now > b.share && (was != had || now > alone):
			return true, false
		case b.held.Load()+n > b.most:
			return false, true
		}
		if of.CompareAndSwap(was, was+n) {
			break
		}
	}
	for {
		held := b.held.Load()
		if held+n > b.most && !owed { // others were faster
			of.Add(-n)
			return false, true
		}
		if b.held.CompareAndSwap(held, held+n) {
			return false, false
		}
	}
}

// letGo ends what the request took of the memory for bodies and answers.
func (r *Request) letGo() {
	if r.taken > 0 && r.bodies != nil {
		r.bodies.Return(r.tenant, r.taken)
	}
	r.taken = 0
	r.meter.Meter.End()
}

func (r *Request) readBody(b *bytes.Buffer) error {
	if r.http.Header["Content-Encoding"] == nil {
		if r.waitsWithMore(r.maxBody) {
			return errTooLarge
		}
		return r.readAll(b, r.http.Body, r.http.ContentLength)
	}
	u, err := r.unpack()
	switch {
	case err != nil:
		return r.unread(b, err)
	case u == nil:
		return r.readAll(b, r.http.Body, r.http.ContentLength)
	}
	defer u.release()
	return r.readAll(b, u, -1)
}

// waitsWithMore reports whether the client waits for a word before it sends more
// than so many bytes.
func (r *Request) waitsWithMore(most int64) bool {
	return r.http.ContentLength > most && r.http.Header.Get("Expect") != ""
}

// readAll reads a body of a length, in bytes, that is negative where nobody knows
// it.
func (r *Request) readAll(b *bytes.Buffer, body io.Reader, length int64) error {
	if err := r.fill(b, body, length); err != nil {
		return r.unread(b, err)
	}
	return nil
}

// unread gives what a body that was not read to its end is refused for, and lets
// go of what was read.
func (r *Request) unread(b *bytes.Buffer, err error) error {
	switch {
	case errors.Is(err, errTooLarge), errors.Is(err, errBodyShare), errors.Is(err, errBodyMemory):
		*b = bytes.Buffer{} // the rest may take its time
		r.letGo()
		if errors.Is(err, errBodyShare) {
			r.writer.Header()["Retry-After"] = []string{"1"} // seconds
		}
		return err
	case core.KindOf(err) == core.UnsupportedEncoding:
		return err
	}
	return malformed("the body could not be read", err) // it is damaged, broke off, or took too long
}

// fill reads a body into an empty buffer.
func (r *Request) fill(b *bytes.Buffer, body io.Reader, length int64) error {
	for {
		room := max(freeBytes, int(r.taken)) - b.Len()
		if b.Available() == 0 || room == 0 {
			if err := r.grow(b, length); err != nil {
				return err
			}
			continue
		}
		free := b.AvailableBuffer()
		n, err := body.Read(free[:min(cap(free), room)])
		b.Write(free[:n]) // it is there already
		switch {
		case int64(b.Len()) > r.maxBody:
			return errTooLarge
		case errors.Is(err, io.EOF), int64(b.Len()) == length: // nothing comes behind that
			return nil
		case err != nil:
			return err
		}
	}
}

// grow makes room for more of the body: twice what has come, but not more than
// the body may have, nor than it was announced to have.
func (r *Request) grow(b *bytes.Buffer, length int64) error {
	size := max(2*int64(b.Len()), bytes.MinRead)
	if length > int64(b.Len()) && (size > length || length <= freeBytes) {
		size = length
	}
	size = min(size, r.maxBody+1)
	if size > freeBytes {
		if r.bodies != nil {
			if err := r.bodies.Take(r.tenant, size-r.taken); err != nil {
				return err
			}
		}
		r.taken = size
	}
	if size <= int64(b.Cap()) {
		return nil
	}
	larger := make([]byte, b.Len(), size)
	copy(larger, b.Bytes())
	*b = *bytes.NewBuffer(larger)
	return nil
}
