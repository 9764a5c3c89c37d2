package main

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/store"
)

// metrics is what Prometheus scrapes from the operations listener.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	refused  *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "diglot_requests_total", Help: "Requests answered.",
		}, []string{"dialect", "operation", "status"}),
		// Not by tenant: there may be any number of them, and each would be kept for as
		// long as the process lives. The log has the tenant of each request.
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "diglot_requests_refused_total", Help: "Requests refused for a limit of their tenant's.",
		}, []string{"dialect", "reason"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "diglot_request_duration_seconds", Help: "Time from a request's header to its answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"dialect", "operation"}),
	}
	m.registry.MustRegister(m.requests, m.refused, m.latency, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) observe(o dialects.Observation) {
	m.requests.WithLabelValues(o.Dialect, o.Operation, strconv.Itoa(o.Status)).Inc()
	if o.Refused != "" {
		m.refused.WithLabelValues(o.Dialect, o.Refused).Inc()
	}
	m.latency.WithLabelValues(o.Dialect, o.Operation).Observe(o.Duration.Seconds())
}

// watchPool adds the database pool's figures.
func (m *metrics) watchPool(s *store.Store) {
	gauge := func(name, help string, value func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	gauge("diglot_pool_connections", "Database connections open.", func() float64 { return float64(s.Stat().TotalConns()) })
	gauge("diglot_pool_connections_busy", "Database connections in use.", func() float64 { return float64(s.Stat().AcquiredConns()) })
	gauge("diglot_pool_connections_max", "Database connections there may be.", func() float64 { return float64(s.Stat().MaxConns()) })
	m.registry.MustRegister(prometheus.NewCounterFunc(
		prometheus.CounterOpts{Name: "diglot_pool_waits_total", Help: "Requests that waited for a database connection."},
		func() float64 { return float64(s.Waits()) }))
}

// handler serves what was counted.
func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
