package service_test

import (
	"errors"
	"testing"

	"punctual/internal/service"
)

// TestForEachOutlivesPanics has a change that panics for one job: that job fails, and the others are changed.
func TestForEachOutlivesPanics(t *testing.T) {
	refused := errors.New("refused")
	results := service.ForEach(t.Context(), []int64{1, 2, 3}, func(jobID int64) error {
		switch jobID {
		case 1:
			panic("a fault of ours")
		case 2:
			return refused
		}
		return nil
	})
	if results[0] == nil || !errors.Is(results[1], refused) || results[2] != nil {
		t.Errorf("the results are %v", results)
	}
}
