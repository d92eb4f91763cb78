// Package metrics is what the service tells Prometheus. Labels are bounded: nothing is counted per job or account.
package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the collectors. The zero value is not usable.
type Metrics struct {
	registry *prometheus.Registry

	Executions     *prometheus.CounterVec // by outcome and kind
	Lateness       prometheus.Histogram   // seconds between an instant and its execution's start
	Duration       prometheus.Histogram   // seconds that an execution took
	Settled        prometheus.Counter     // occurrences recorded as missed or skipped
	Claims         prometheus.Histogram   // seconds that a claim took
	Claimed        prometheus.Histogram   // executions a claim took
	Finishes       prometheus.Histogram   // seconds that a batch of results took
	Finished       prometheus.Histogram   // results in a batch
	DatabaseErrors *prometheus.CounterVec // by operation
	Requests       *prometheus.CounterVec // to the API, by method and status
	RequestTime    prometheus.Histogram   // seconds
	Closed         *prometheus.CounterVec // connections of clients that were closed to make room, by reason
}

const namespace = "punctual"

// New returns collectors in a registry of their own, beside those of the process and the runtime.
func New() *Metrics {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m := &Metrics{registry: r}
	m.Executions = m.counters("executions_total", "Executions that ended, by outcome and kind.", "outcome", "kind")
	for _, outcome := range []string{"succeeded", "failed", "lost"} {
		for _, kind := range []string{"scheduled", "manual"} {
			m.Executions.WithLabelValues(outcome, kind) // there from the start, so that the first one is a rise
		}
	}
	m.Lateness = m.histogram("execution_lateness_seconds", "How long after its instant an execution started.",
		.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 3600)
	m.Duration = m.histogram("execution_duration_seconds", "How long an execution took.",
		.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 3600)
	m.Settled = m.counter("occurrences_not_run_total", "Occurrences that were recorded as missed or skipped at a claim.")
	m.Claims = m.histogram("claim_duration_seconds", "How long a claim took.", batchTimes...)
	m.Claimed = m.histogram("claim_executions", "How many executions a claim took.", batchSizes...)
	m.Finishes = m.histogram("finish_duration_seconds", "How long it took to record a batch of results.", batchTimes...)
	m.Finished = m.histogram("finish_results", "How many results a batch held.", batchSizes...)
	m.DatabaseErrors = m.counters("database_errors_total", "Operations of the scheduler that the database failed.", "operation")
	for _, operation := range []string{"look", "claim", "finish", "heartbeat"} {
		m.DatabaseErrors.WithLabelValues(operation)
	}
	m.Requests = m.counters("api_requests_total", "Requests to the API, by method and status.", "method", "status")
	m.RequestTime = m.histogram("api_request_duration_seconds", "How long the API took to answer.", batchTimes...)
	m.Closed = m.counters("connections_closed_total", "Connections of clients that were closed to make room, by reason.", "reason")
	for _, reason := range []string{"full", "address"} {
		m.Closed.WithLabelValues(reason)
	}
	return m
}

var (
	batchTimes = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	batchSizes = []float64{0, 1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2000}
)

func (m *Metrics) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) histogram(name, help string, buckets ...float64) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets})
	m.registry.MustRegister(h)
	return h
}

// Gauge adds a number that is read with each scrape.
func (m *Metrics) Gauge(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(
		prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, read))
}

// Info adds a series whose value is always 1 and whose label is read with each scrape.
func (m *Metrics) Info(name, help, label string, read func() string) {
	m.registry.MustRegister(info{prometheus.NewDesc(namespace+"_"+name, help, []string{label}, nil), read})
}

// info is what Info adds.
type info struct {
	desc *prometheus.Desc
	read func() string
}

// Describe implements prometheus.Collector.
func (i info) Describe(ch chan<- *prometheus.Desc) { ch <- i.desc }

// Collect implements prometheus.Collector.
func (i info) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(i.desc, prometheus.GaugeValue, 1, i.read())
}

// Since observes the time since start in seconds.
func Since(h prometheus.Histogram, start time.Time) { h.Observe(time.Since(start).Seconds()) }

// Handler answers scrapes.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
