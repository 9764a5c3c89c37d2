package core

import "context"

// Memory is what answers may take of it, in bytes. It is safe for concurrent
// use.
type Memory interface {
	// Take counts bytes more of an answer to a tenant that has had some already, and
	// says why it may not have them. What is owed is counted in any case.
	Take(tenant TenantID, had, more int64, owed bool) error
	// Room says why a tenant may change nothing for now: what a change is answered
	// with is owed.
	Room(tenant TenantID) error
	// Return ends what was taken.
	Return(tenant TenantID, bytes int64)
}

// Meter counts what one request reads of a store, as it is read, and what its
// answer takes else. A store ends it where it refuses what is read. A nil one, and
// one without memory, counts nothing. It is one goroutine's.
type Meter struct {
	Memory Memory // nil: as much as it takes
	Tenant TenantID
	// Changes: the request is one that changes something, and so is answered once it
	// has, whatever that takes.
	Changes bool

	read, taken int64 // bytes
}

const (
	// FreeBytes of an answer are not counted, so that what clients usually ask for
	// is served whoever fills the rest.
	FreeBytes = 16 << 10

	meterStep   = 64 << 10 // what is taken at once, at least
	recordBytes = 1 << 10  // of a record beside its texts, as core and a dialect have it
)

// Record counts a record whose texts have so many bytes, and says why the
// request may not have it.
func (m *Meter) Record(textBytes int) error { return m.Count(recordBytes + textBytes) }

// Count counts bytes, and says why the request may not have them.
func (m *Meter) Count(bytes int) error {
	if m == nil || m.Memory == nil {
		return nil
	}
	m.read += int64(bytes)
	if m.read <= max(m.taken, FreeBytes) {
		return nil
	}
	step := max(m.read-m.taken, meterStep)
	if err := m.Memory.Take(m.Tenant, m.taken, step, m.Changes); err != nil {
		return err
	}
	m.taken += step
	return nil
}

// Room says why a request may not change anything for now.
func (m *Meter) Room() error {
	if m == nil || m.Memory == nil || !m.Changes {
		return nil
	}
	return m.Memory.Room(m.Tenant)
}

// Bytes gives how much was counted.
func (m *Meter) Bytes() int64 {
	if m == nil {
		return 0
	}
	return m.read
}

// End gives back what was taken. What is counted after that is counted anew.
func (m *Meter) End() {
	if m == nil {
		return
	}
	if m.taken > 0 {
		m.Memory.Return(m.Tenant, m.taken)
	}
	m.read, m.taken = 0, 0
}

// Metered is a context with a meter. It is a struct so that it can be part of
// what a request has anyway.
type Metered struct {
	context.Context

	Meter Meter
}

type meterKey struct{}

// Value implements [context.Context].
func (c *Metered) Value(key any) any {
	if key == (meterKey{}) {
		return &c.Meter
	}
	return c.Context.Value(key)
}

// MeterOf gives the meter of a context, else nil.
func MeterOf(ctx context.Context) *Meter {
	m, _ := ctx.Value(meterKey{}).(*Meter)
	return m
}
