package image

import (
	"encoding/json"

	"github.com/diglot/diglot/core"
)

// Limits is [core.Limits] as they are stored.
type Limits core.Limits

// storedLimits are their members. One that is not there is nil.
type storedLimits struct {
	Vendor      bool `json:"vendor,omitempty"`
	Rate        *int `json:"rate,omitempty"`
	Burst       *int `json:"burst,omitempty"`
	Concurrency *int `json:"concurrency,omitempty"`
	BodyBytes   *int `json:"body_bytes,omitempty"`
	Servers     *int `json:"servers,omitempty"`
}

// MarshalJSON implements [json.Marshaler].
func (l Limits) MarshalJSON() ([]byte, error) { return json.Marshal(storedLimits(l)) }

// UnmarshalJSON implements [json.Unmarshaler].
func (l *Limits) UnmarshalJSON(text []byte) error {
	var s storedLimits
	err := json.Unmarshal(text, &s)
	*l = Limits(s)
	return err
}

var _ = core.Limits(storedLimits{}) // the members are the same
