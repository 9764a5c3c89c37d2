package testmode

import (
	"net/http"
	"time"
)

type clockBody struct {
	Now    time.Time `json:"now"`
	Frozen bool      `json:"frozen"`
}

func (m *Mode) getClock(*http.Request, []byte) (any, error) {
	return clockBody{m.Clock.Now().UTC(), m.Clock.Frozen()}, nil
}

func (m *Mode) putClock(r *http.Request, body []byte) (any, error) {
	var in struct {
		Now    *time.Time `json:"now"`
		Frozen *bool      `json:"frozen"`
	}
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	if in.Now == nil && in.Frozen == nil {
		return nil, invalid("", map[string]string{"": "must have now or frozen"})
	}
	if in.Now != nil {
		if err := checkTime(*in.Now); err != nil {
			return nil, invalid("", map[string]string{"now": err.Error()})
		}
	}
	switch {
	case in.Frozen != nil && *in.Frozen:
		m.Clock.Freeze()
	case in.Frozen != nil:
		m.Clock.Run()
	}
	if in.Now != nil {
		m.Clock.Set(*in.Now)
	}
	return m.getClock(r, nil)
}

func (m *Mode) postAdvance(r *http.Request, body []byte) (any, error) {
	var in struct {
		By *Duration `json:"by"`
	}
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	if in.By == nil {
		return nil, invalid("", map[string]string{"by": "is required"})
	}
	if err := m.Clock.turn(func(now time.Time) time.Time { return now.Add(time.Duration(*in.By)) }); err != nil {
		return nil, invalid("", map[string]string{"by": "leads too far: " + err.Error()})
	}
	return m.getClock(r, nil)
}

type idsBody struct {
	Seed *uint64 `json:"seed"`
}

func (m *Mode) getIDs(*http.Request, []byte) (any, error) { return idsBody{m.IDs.Seed()}, nil }

func (m *Mode) putIDs(r *http.Request, body []byte) (any, error) {
	var in idsBody
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	m.IDs.Begin(in.Seed)
	return m.getIDs(r, nil)
}
