package store

import (
	"encoding/json"

	"github.com/diglot/diglot/core"
)

// limitsColumn is [core.Limits] as the column limits has them.
type limitsColumn core.Limits

// storedLimits are the column's members. One that is not there is nil.
type storedLimits struct {
	Vendor      bool `json:"vendor,omitempty"`
	Rate        *int `json:"rate,omitempty"`
	Burst       *int `json:"burst,omitempty"`
	Concurrency *int `json:"concurrency,omitempty"`
	BodyBytes   *int `json:"body_bytes,omitempty"`
	Servers     *int `json:"servers,omitempty"`
}

// MarshalJSON implements [json.Marshaler].
func (l limitsColumn) MarshalJSON() ([]byte, error) { return json.Marshal(storedLimits(l)) }

// UnmarshalJSON implements [json.Unmarshaler].
func (l *limitsColumn) UnmarshalJSON(text []byte) error {
	var s storedLimits
	err := json.Unmarshal(text, &s)
	*l = limitsColumn(s)
	return err
}

// limitArg gives null for no limit.
func limitArg(limit int) []byte {
	if limit <= 0 {
		return nil
	}
	return intArg(int64(limit))
}

var _ = core.Limits(storedLimits{}) // the members are the same
