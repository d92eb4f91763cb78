// Package badge makes the badges of jobs, components and status pages, which people put into a README or a wiki: a label and a
// message on a colour, as an image, as JSON, and for shields.io. It knows neither the database nor any words.
//
// An address names what the badge shows and its form, such as uptime-30d.svg. Addresses that not everybody may know hold a token,
// which proves itself without a question to the database (Key).
package badge

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Metric is what a badge shows.
type Metric int

// The metrics.
const (
	State        Metric = iota
	Uptime24h           // the uptimes are those of a time until now
	Uptime7d            //
	Uptime30d           //
	Uptime90d           //
	ResponseTime        // the median of the last 24 hours
	LastRun
	NextRun
	Certificate // whole days until it expires
)

// MetricCount is the number of metrics.
const MetricCount = int(Certificate) + 1

var metricNames = [MetricCount]string{"state", "uptime-24h", "uptime-7d", "uptime-30d", "uptime-90d", "response-time", "last-run", "next-run",
	"certificate"}

// String is the name of the metric in addresses.
func (m Metric) String() string {
	if m < 0 || int(m) >= MetricCount {
		return fmt.Sprintf("Metric(%d)", int(m))
	}
	return metricNames[m]
}

// ParseMetric is the inverse of String.
func ParseMetric(name string) (Metric, bool) {
	for m, known := range metricNames {
		if known == name {
			return Metric(m), true
		}
	}
	return 0, false
}

const day = 24 * time.Hour

// Span is the time until now that the metric is about; zero for the present.
func (m Metric) Span() time.Duration {
	switch m {
	case Uptime24h, ResponseTime:
		return day
	case Uptime7d:
		return 7 * day
	case Uptime30d:
		return 30 * day
	case Uptime90d:
		return 90 * day
	}
	return 0
}

// IsUptime tells whether the metric is a share of time or of runs.
func (m Metric) IsUptime() bool { return m >= Uptime24h && m <= Uptime90d }

// Form is how a badge is written.
type Form int

// The forms.
const (
	SVG     Form = iota
	JSON         // our own
	Shields      // what an endpoint badge of shields.io reads
)

// extensions are those of the forms; that of JSON ends that of Shields.
var extensions = [...]string{SVG: ".svg", JSON: ".json", Shields: ".shields.json"}

// Name is the last part of the address of a badge.
func Name(m Metric, f Form) string { return m.String() + extensions[f] }

// ParseName is the inverse of Name.
func ParseName(name string) (m Metric, f Form, ok bool) {
	for f, extension := range extensions {
		if rest, found := strings.CutSuffix(name, extension); found {
			if m, ok = ParseMetric(rest); ok {
				return m, Form(f), true
			}
		}
	}
	return 0, 0, false
}

// Badge is what a badge says.
type Badge struct {
	Metric  Metric
	Label   string
	Message string
	Colour  Colour
	// Value is the message for programs: the name of a state, an uptime as a share of 1, milliseconds, Unix seconds, or days. It is nil where
	// nothing is known.
	Value any
}

// Body writes the badge in a form.
func (b *Badge) Body(f Form, style Style) (mediaType string, body []byte) {
	switch f {
	case JSON:
		return "application/json; charset=utf-8", encode(struct {
			Metric  string `json:"metric"`
			Label   string `json:"label"`
			Message string `json:"message"`
			Colour  Colour `json:"color"`
			Value   any    `json:"value"`
		}{b.Metric.String(), b.Label, b.Message, b.Colour, b.Value})
	case Shields:
		return "application/json; charset=utf-8", encode(struct {
			Version int    `json:"schemaVersion"`
			Label   string `json:"label"`
			Message string `json:"message"`
			Colour  Colour `json:"color"`
			Style   string `json:"style"`
			Seconds int    `json:"cacheSeconds"`
		}{1, b.Label, b.Message, b.Colour, style.String(), shieldsSeconds})
	}
	return "image/svg+xml", b.SVG(style)
}

// shieldsSeconds is how long shields.io keeps a badge, which is the shortest time that it takes.
const shieldsSeconds = 300

func encode(value any) []byte {
	body, err := json.Marshal(value)
	if err != nil {
		panic(err) // of texts and numbers
	}
	return body
}

// Colour is the background of a message, as "#rrggbb", dark enough for white text.
type Colour string

// The colours.
const (
	Grey   Colour = "#5f6670" // nothing is known
	Green  Colour = "#1a7f37"
	Amber  Colour = "#8a6100"
	Orange Colour = "#b04a0f"
	Red    Colour = "#c0322b"
	Blue   Colour = "#0b63c4" // neither good nor bad
)

// UptimeColour is the colour of an uptime, a share of 1.
func UptimeColour(share float64) Colour {
	switch {
	case share >= 0.99:
		return Green
	case share >= 0.95:
		return Amber
	case share >= 0.9:
		return Orange
	}
	return Red
}

// CertificateColour is the colour of the whole days until a certificate expires; a negative number is one that has expired.
func CertificateColour(days int64) Colour {
	switch {
	case days >= 14:
		return Green
	case days >= 3:
		return Amber
	case days >= 0:
		return Orange
	}
	return Red
}
