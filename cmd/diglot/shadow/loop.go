package shadow

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
)

// errLoop is a peer that is this instance, by another name.
var errLoop = errors.New("the peer leads back to this instance")

// viaSecond is behind the instance's name in the header Via of what is asked a
// second time.
const viaSecond = "-second"

// isLoop reports whether a request, or the answer to one, has passed this shadow
// before.
func (s *Shadow) isLoop(h http.Header) bool {
	for _, via := range h["Via"] {
		if strings.Contains(via, s.via) {
			return true
		}
	}
	return false
}

// answerLoop answers a request that was here before. One that is relayed is
// answered as without a shadow; one that is asked a second time is not: it may be a
// write that was done.
func (s *Shadow) answerLoop(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Via", "1.1 "+s.via) // by which it is known where it was asked
	if strings.Contains(strings.Join(r.Header["Via"], ","), s.via+viaSecond) {
		w.WriteHeader(http.StatusLoopDetected)
		return
	}
	s.next.ServeHTTP(w, r)
}

// sayLooped logs once that a rule's peer is this instance.
func (l *lane) sayLooped() {
	l.looped.Do(func() {
		l.shadow.options.Logger.Error("the shadow's peer leads back to this instance: nothing is compared or mirrored",
			slog.String("tenant", l.rule.Tenant), slog.String("dialect", string(l.rule.Dialect)), slog.String("peer", l.rule.base.Host))
	})
}
