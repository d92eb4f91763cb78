package public_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"punctual/internal/public/publictest"
)

// BenchmarkPage is what a visitor of a rendered page costs, without the network.
func BenchmarkPage(b *testing.B) {
	for name, encoding := range map[string]string{"plain": "", "gzip": "gzip"} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b)
			w.pages.Set(publictest.Large("acme", noon))
			r := httptest.NewRequestWithContext(b.Context(), "GET", "/status/acme", nil)
			r.Header.Set("Accept-Encoding", encoding)
			i := 0
			for b.Loop() {
				if i++; i%40 == 0 { // addresses have limits
					w.wait(1)
				}
				r.RemoteAddr = "[2001:db8:" + hex(i/40) + "::1]:1"
				w.handler.ServeHTTP(discard{http.Header{}}, r)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pages/s")
		})
	}
}

func hex(n int) string {
	const digits = "0123456789abcdef"
	n &= 0xffff
	return string([]byte{digits[n>>12&15], digits[n>>8&15], digits[n>>4&15], digits[n&15]})
}

// discard takes a response.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}
