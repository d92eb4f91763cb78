// Package metrics has the Prometheus metrics of the service. Labels are bounded: no metric has one per job or account.
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
	Lateness       prometheus.Histogram   // seconds from when an attempt was due to its start
	Duration       prometheus.Histogram   // seconds from the start of an execution to its end
	Settled        prometheus.Counter     // occurrences recorded as missed or skipped by a claim
	Claims         prometheus.Histogram   // seconds that a claim took
	Claimed        prometheus.Histogram   // executions per claim
	Finishes       prometheus.Histogram   // seconds that a batch of results took
	Finished       prometheus.Histogram   // results per batch
	DatabaseErrors *prometheus.CounterVec // by operation
	Notifications  *prometheus.CounterVec // attempts to send a message to a channel, by kind of channel and outcome
	Requests       *prometheus.CounterVec // to the API, by method and status
	RequestTime    prometheus.Histogram   // seconds
	BackupFailures prometheus.Counter     // scheduled backups
	Closed         *prometheus.CounterVec // client connections closed to make room for others, by reason

	workerSteps  *prometheus.HistogramVec // seconds, by worker
	workerFailed *prometheus.CounterVec   // steps, by worker
	workerRan    *prometheus.GaugeVec     // Unix time, by worker
}

const namespace = "punctual"

// New returns collectors in a new registry, which also has those of the process and the Go runtime.
func New() *Metrics {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m := &Metrics{registry: r}
	m.Executions = m.counters("executions_total", "Executions that ended, by outcome and kind.", "outcome", "kind")
	for _, outcome := range []string{"succeeded", "failed", "lost"} {
		for _, kind := range []string{"scheduled", "manual"} {
			m.Executions.WithLabelValues(outcome, kind) // exists from the start, so that the first execution is an increase
		}
	}
	m.Lateness = m.histogram("execution_lateness_seconds", "Time from when an attempt was due to its start.",
		.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 3600)
	m.Duration = m.histogram("execution_duration_seconds", "Time from the start of an execution to its end.",
		.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 3600)
	m.Settled = m.counter("occurrences_not_run_total", "Occurrences recorded as missed or skipped by a claim.")
	m.Claims = m.histogram("claim_duration_seconds", "Duration of a claim, including its wait for the database.", batchTimes...)
	m.Claimed = m.histogram("claim_executions", "Executions per claim.", batchSizes...)
	m.Finishes = m.histogram("finish_duration_seconds", "Duration of recording a batch of results.", batchTimes...)
	m.Finished = m.histogram("finish_results", "Results per batch.", batchSizes...)
	m.DatabaseErrors = m.counters("database_errors_total", "Failed database operations of the scheduler, by operation; each is retried.", "operation")
	for _, operation := range []string{"next_run", "claim", "finish", "heartbeat", "test_runs"} {
		m.DatabaseErrors.WithLabelValues(operation)
	}
	m.Notifications = m.counters("notifications_total", "Attempts to send a message to a channel, by kind of channel and outcome.",
		"kind", "outcome")
	m.Requests = m.counters("api_requests_total", "API requests, by method and status.", "method", "status")
	m.RequestTime = m.histogram("api_request_duration_seconds", "Duration of API requests; event streams are not counted.", batchTimes...)
	m.BackupFailures = m.counter("backup_failures_total", "Scheduled backups that failed; each is tried again.")
	m.Closed = m.counters("connections_closed_total", "Client connections closed to make room for others, by reason.", "reason")
	for _, reason := range []string{"full", "address"} {
		m.Closed.WithLabelValues(reason)
	}
	m.workerSteps = prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace,
		Name: "worker_step_duration_seconds", Help: "How long a step of a background worker took, by worker.",
		Buckets: []float64{.001, .01, .1, 1, 10, 60}}, []string{"worker"})
	m.workerRan = prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace,
		Name: "worker_last_step_timestamp_seconds", Help: "When the latest step of a background worker ended, by worker."},
		[]string{"worker"})
	r.MustRegister(m.workerSteps, m.workerRan)
	m.workerFailed = m.counters("worker_failures_total", "Steps of background workers that failed, by worker.", "worker")
	return m
}

// Worker adds a background worker and returns what is to be told of each of its steps. Until the first one has ended, now
// counts as the end of the latest.
func (m *Metrics) Worker(name string) (stepped func(began time.Time, err error)) {
	steps, failed, ran := m.workerSteps.WithLabelValues(name), m.workerFailed.WithLabelValues(name), m.workerRan.WithLabelValues(name)
	ran.SetToCurrentTime()
	return func(began time.Time, err error) {
		steps.Observe(time.Since(began).Seconds())
		ran.SetToCurrentTime()
		if err != nil {
			failed.Inc()
		}
	}
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

// Gauge adds a gauge whose value is read at each scrape.
func (m *Metrics) Gauge(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(
		prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, read))
}

// Total adds a counter whose value is read at each scrape.
func (m *Metrics) Total(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(
		prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, read))
}

// Info adds a gauge that is always 1 and whose label is read at each scrape.
func (m *Metrics) Info(name, help, label string, read func() string) {
	m.registry.MustRegister(info{prometheus.NewDesc(namespace+"_"+name, help, []string{label}, nil), read})
}

// info is the collector that Info adds.
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

// Since observes the seconds since start.
func Since(h prometheus.Histogram, start time.Time) { h.Observe(time.Since(start).Seconds()) }

// Handler serves the metrics in the Prometheus text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
