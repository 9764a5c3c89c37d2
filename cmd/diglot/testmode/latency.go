package testmode

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// maxLatency is less than a connection's write time-out, so that what comes late
// is answered all the same.
const maxLatency = 50 * time.Second

// Latency is how long a request waits: one of three. Nothing waits longer than 50
// seconds.
type Latency struct {
	Fixed Duration `json:"fixed,omitzero"`
	// Uniform is between two, each as likely.
	Uniform *[2]Duration `json:"uniform,omitempty"`
	// Lognormal is as latencies of real services are: half are below the median, few
	// are far above.
	Lognormal *Lognormal `json:"lognormal,omitempty"`
}

// Lognormal is a distribution: the natural logarithm of what is drawn is normal,
// around that of the median, with the standard deviation Sigma.
type Lognormal struct {
	Median Duration `json:"median"`
	Sigma  float64  `json:"sigma"`
}

// Duration is a [time.Duration], written as that is: 150ms.
type Duration time.Duration

// MarshalText implements [encoding.TextMarshaler].
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

func (l *Latency) check() string {
	given := 0
	for _, is := range []bool{l.Fixed != 0, l.Uniform != nil, l.Lognormal != nil} {
		if is {
			given++
		}
	}
	switch {
	case given != 1:
		return "must be one of fixed, uniform and lognormal"
	case l.Fixed < 0 || time.Duration(l.Fixed) > maxLatency:
		return fmt.Sprintf("must be more than 0 and at most %s", maxLatency)
	case l.Uniform != nil && (l.Uniform[0] < 0 || l.Uniform[1] < l.Uniform[0] || time.Duration(l.Uniform[1]) > maxLatency):
		return fmt.Sprintf("must be the least and the most, at most %s", maxLatency)
	case l.Lognormal != nil && (l.Lognormal.Median <= 0 || time.Duration(l.Lognormal.Median) > maxLatency || l.Lognormal.Sigma < 0):
		return fmt.Sprintf("must have a median of more than 0 and at most %s, and a sigma that is not negative", maxLatency)
	}
	return ""
}

// draw gives one wait.
func (l *Latency) draw(chance *rand.Rand) time.Duration {
	switch {
	case l.Uniform != nil:
		least, most := l.Uniform[0], l.Uniform[1]
		return time.Duration(least) + time.Duration(chance.Float64()*float64(most-least))
	case l.Lognormal != nil:
		drawn := float64(l.Lognormal.Median) * math.Exp(l.Lognormal.Sigma*chance.NormFloat64())
		return time.Duration(min(drawn, float64(maxLatency)))
	}
	return time.Duration(l.Fixed)
}
