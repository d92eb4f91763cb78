package wire_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// reflected is what package encoding/json writes.
func reflected(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

func FuzzAppendText(f *testing.F) {
	for _, s := range []string{"", "a b", `"\/`, "<&>", "\x00\x01\b\t\n\f\r\x1f\x7f", "ä€😀", "\u2028\u2029\u2027\u202a", "\xff\xc3(", "\ufffd", "\xed\xa0\x80", "a\xe2\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		const before = `{"x":`
		if got, want := string(wire.AppendText([]byte(before), s)), before+reflected(t, s); got != want {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
	})
}

func FuzzAppendSet(f *testing.F) {
	for _, s := range []uint64{0, 1, uint64(cron.Every), 1<<62 | 1, 1<<63 - 1, 1 << 63, 0b1011} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s uint64) {
		numbers := []int{wire.Every}
		if set := cron.Set(s); set != cron.Every {
			numbers = set.Members()
		}
		if got, want := string(wire.AppendSet(nil, cron.Set(s))), reflected(t, numbers); got != want {
			t.Errorf("%b: %s, want %s", s, got, want)
		}
	})
}

func FuzzAppendUnixOrNull(f *testing.F) {
	f.Add(int64(0), int64(0))
	f.Add(int64(-62135596800), int64(0)) // the zero time
	f.Add(int64(-1), int64(1))
	f.Add(int64(253402300799), int64(999_999_999))
	f.Fuzz(func(t *testing.T, seconds, nanoseconds int64) {
		at := time.Unix(seconds, nanoseconds)
		if got, want := string(wire.AppendUnixOrNull(nil, at)), reflected(t, wire.UnixOrNull(at)); got != want {
			t.Errorf("%v: %s, want %s", at, got, want)
		}
	})
}
