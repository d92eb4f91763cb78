package message

import (
	"testing"
	"time"
)

func TestFigures(t *testing.T) {
	c := Default()
	for _, tt := range []struct{ got, want string }{
		{c.Number(0), "0"}, {c.Number(999), "999"}, {c.Number(1000), "1,000"}, {c.Number(1234567), "1,234,567"}, {c.Number(-1234), "-1,234"},
		{c.Short(0), "0 ms"}, {c.Short(-time.Second), "0 ms"}, {c.Short(380 * time.Millisecond), "380 ms"},
		{c.Short(999600 * time.Microsecond), "1 s"}, {c.Short(1240 * time.Millisecond), "1.24 s"}, {c.Short(42 * time.Second), "42 s"},
		{c.Short(59940 * time.Millisecond), "59.9 s"}, {c.Short(59960 * time.Millisecond), "1 min"},
		{c.Short(200 * time.Second), "3 min 20 s"}, {c.Short(2 * time.Hour), "2 h"}, {c.Short(53 * time.Hour), "2 d 5 h"},
		{c.Relative(0), "now"}, {c.Relative(4*time.Minute + 30*time.Second), "in 4 min"}, {c.Relative(-3 * time.Second), "3 s ago"},
		{c.Relative(-50 * time.Hour), "2 d ago"},
		{c.Size(812), "812 B"}, {c.Size(1 << 10), "1 KiB"}, {c.Size(3500), "3.4 KiB"}, {c.Size(5 << 20), "5 MiB"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, not %q", tt.got, tt.want)
		}
	}
}
