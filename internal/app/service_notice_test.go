package app

import (
	"context"
	"slices"
	"testing"
	"time"

	"punctual/internal/cron"
)

// watched is a serviceWatch of a service in good health, and what it has told.
type watched struct {
	serviceWatch
	told        []cron.NoticeKind
	late        time.Duration
	free, total int64
	needed      int64
	expires     time.Time
	failing     int
}

func newWatched() *watched {
	w := &watched{free: 50 << 30, total: 100 << 30}
	w.serviceWatch = serviceWatch{
		tell: func(_ context.Context, n *cron.Notice, _ time.Duration) error {
			w.told = append(w.told, n.Kind)
			return nil
		},
		lateBy: func() time.Duration { return w.late },
		disks: []*disk{{
			space: func() (free, total int64, ok bool) { return w.free, w.total, true },
			needs: func() int64 { return w.needed },
		}},
		channels: func(context.Context) (int, error) { return w.failing, nil },
		expiry:   func() time.Time { return w.expires },
		ahead:    expiryAhead,
	}
	return w
}

func TestServiceWatch(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name   string
		change func(w *watched)
		want   []cron.NoticeKind
	}{
		{"all is well", func(*watched) {}, nil},
		{"late", func(w *watched) { w.late = behindBy }, []cron.NoticeKind{cron.NoticeBehind}},
		{"a little late", func(w *watched) { w.late = behindBy - 1 }, nil},
		{"little space", func(w *watched) { w.free = diskLeast - 1 }, []cron.NoticeKind{cron.NoticeDisk}},
		{"a small share of a large disk", func(w *watched) { w.free, w.total = 30<<30, 2000<<30 }, nil},
		{"a smaller share of a small one", func(w *watched) { w.free, w.total = 3<<30, 200<<30 }, []cron.NoticeKind{cron.NoticeDisk}},
		{"a small disk that is half empty", func(w *watched) { w.free, w.total = 500<<20, 1000<<20 }, nil},
		{"less than what is needed", func(w *watched) { w.needed = w.free + 1 }, []cron.NoticeKind{cron.NoticeDisk}},
		{"as much as is needed", func(w *watched) { w.needed = w.free }, nil},
		{"a certificate that ends soon", func(w *watched) { w.expires = now.Add(expiryAhead - time.Second) }, []cron.NoticeKind{cron.NoticeOwnExpiry}},
		{"a certificate that has ended", func(w *watched) { w.expires = now.Add(-time.Hour) }, []cron.NoticeKind{cron.NoticeOwnExpiry}},
		{"a new certificate", func(w *watched) { w.expires = now.Add(90 * 24 * time.Hour) }, nil},
		{"two channels fail", func(w *watched) { w.failing = 2 }, nil},
		{"three channels fail", func(w *watched) { w.failing = 3 }, []cron.NoticeKind{cron.NoticeChannels}},
	} {
		w := newWatched()
		test.change(w)
		for at := now; at.Before(now.Add(behindFor + 2*checkEvery)); at = at.Add(checkEvery) {
			if err := w.step(t.Context(), at); err != nil {
				t.Fatal(err)
			}
		}
		if got := slices.Compact(w.told); !slices.Equal(got, test.want) {
			t.Errorf("%s: told %v, want %v", test.name, got, test.want)
		}
	}
}

// TestBehindOnlyForLong makes executions late again and again, but never for long.
func TestBehindOnlyForLong(t *testing.T) {
	w, now := newWatched(), time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	for i := range 100 {
		w.late = 0
		if i%3 > 0 {
			w.late = time.Minute
		}
		if err := w.step(t.Context(), now.Add(time.Duration(i)*checkEvery)); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.told) > 0 {
		t.Errorf("told %v", w.told)
	}
}

// TestDiskToldOnce lets a disk fill up, hover at the limit, recover and fill up again, and then a second one beside it.
func TestDiskToldOnce(t *testing.T) {
	w := newWatched()
	var details []string
	w.tell = func(_ context.Context, n *cron.Notice, _ time.Duration) error {
		details = append(details, n.Detail)
		return nil
	}
	backups := int64(50 << 30)
	w.disks[0].dir = "/data"
	w.disks = append(w.disks, &disk{dir: "/backups", needs: func() int64 { return 10 << 30 },
		space: func() (free, total int64, ok bool) { return backups, 100 << 30, true }})
	w.needed = 10 << 30
	for i, free := range []int64{20 << 30, 9 << 30, 10<<30 + 1, 8 << 30, 20 << 30, 9 << 30, 9 << 30} {
		w.free = free
		if i == 6 {
			backups = 5 << 30
		}
		if err := w.lookAtDisks(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"The disk of /data", "The disk of /data", "The disk of /data, /backups"}; !slices.Equal(details, want) {
		t.Errorf("told %q, want %q", details, want)
	}
}

func TestDiskSpace(t *testing.T) {
	if free, total, ok := diskSpace(t.TempDir()); ok && (free < 0 || total <= 0 || free > total) {
		t.Errorf("%d of %d bytes are free", free, total)
	}
	if _, _, ok := diskSpace("/no/such/directory"); ok {
		t.Error("a directory that does not exist has space")
	}
}
