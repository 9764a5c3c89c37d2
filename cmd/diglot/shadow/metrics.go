package shadow

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics is what Prometheus scrapes of a shadow. Tenants are not in it: there may
// be any number of them.
type metrics struct {
	compared, different, failed, dropped *prometheus.CounterVec

	queue  prometheus.GaugeFunc
	length atomic.Pointer[func() int]
}

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	m := &metrics{
		compared:  counter("diglot_shadow_compared_total", "Requests whose two answers were compared.", "dialect", "operation"),
		different: counter("diglot_shadow_different_total", "Requests whose two answers were not alike.", "dialect", "operation"),
		failed:    counter("diglot_shadow_failed_total", "Requests that one side gave nothing to compare for.", "reason"),
		dropped:   counter("diglot_shadow_dropped_total", "Requests that were chosen and not asked a second time.", "reason"),
	}
	m.queue = prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "diglot_shadow_queue_length", Help: "Requests that wait to be asked a second time."},
		func() float64 {
			if length := m.length.Load(); length != nil {
				return float64((*length)())
			}
			return 0
		})
	return m
}

func (m *metrics) lengthOf(length func() int) { m.length.Store(&length) }

func (m *metrics) count(r *Record) {
	if r.Failed != "" {
		m.failed.WithLabelValues(r.Failed).Inc()
		return
	}
	m.compared.WithLabelValues(r.Dialect, r.Operation).Inc()
	if !r.Equal {
		m.different.WithLabelValues(r.Dialect, r.Operation).Inc()
	}
}

// Collectors gives what Prometheus is to scrape.
func (s *Shadow) Collectors() []prometheus.Collector {
	m := s.metrics
	return []prometheus.Collector{m.compared, m.different, m.failed, m.dropped, m.queue}
}
