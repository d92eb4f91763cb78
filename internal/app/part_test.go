package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
)

// TestPartsStopInReverseOrder has parts that note what is done to them.
func TestPartsStopInReverseOrder(t *testing.T) {
	const all = "start a, start b, start c"
	down, stuck := errors.New("down"), errors.New("stuck")
	for name, tt := range map[string]struct {
		starts map[string]error // of parts
		stops  map[string]error
		want   string
		errs   []error
	}{
		"all is well":        {nil, nil, all + ", stop c, stop a", nil},
		"one does not start": {map[string]error{"b": down}, nil, "start a, start b, stop a", []error{down}},
		"the first does not": {map[string]error{"a": down}, nil, "start a", []error{down}},
		"two do not stop well": {nil, map[string]error{"a": stuck, "c": down}, all + ", stop c, stop a",
			[]error{stuck, down}},
		"one does not start and one does not stop": {map[string]error{"c": down}, map[string]error{"a": stuck}, all + ", stop a",
			[]error{down, stuck}},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // once all have started, they stop
		var done []string
		var parts []part
		for _, p := range []string{"a", "b", "c"} {
			parts = append(parts, part{p, func(context.Context) (func() error, error) {
				done = append(done, "start "+p)
				if err := tt.starts[p]; err != nil || p == "b" {
					return nil, err // b has nothing to stop
				}
				return func() error {
					done = append(done, "stop "+p)
					return tt.stops[p]
				}, nil
			}})
		}
		err := runParts(ctx, slog.New(slog.DiscardHandler), parts)
		if got := strings.Join(done, ", "); got != tt.want {
			t.Errorf("%s: %s", name, got)
		}
		for _, want := range tt.errs {
			if !errors.Is(err, want) {
				t.Errorf("%s: the error is %v", name, err)
			}
		}
		if len(tt.errs) == 0 && err != nil {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

// TestAPartThatFailsStopsTheNode ends a part that runs in the background by itself.
func TestAPartThatFailsStopsTheNode(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	down := errors.New("down")
	var done []string
	err := runParts(ctx, slog.New(slog.DiscardHandler), []part{
		{"first", func(context.Context) (func() error, error) {
			return func() error {
				done = append(done, "first")
				return nil
			}, nil
		}},
		{"fails", func(context.Context) (func() error, error) {
			return inBackground(func(context.Context) error { return down }, cancel), nil
		}},
	})
	if !errors.Is(err, down) || !slices.Equal(done, []string{"first"}) {
		t.Errorf("the error is %v, and %v stopped", err, done)
	}
}
