package main

import (
	"context"
	"fmt"
	"time"
)

// quietEnough is the share of the machine that others may use before the figures are in doubt.
const quietEnough = 0.05

// quietTime is how long the benchmark waits for a quiet machine.
const quietTime = time.Minute

// busyError says that others used so much of the machine that figures would say little.
type busyError struct {
	shares
	Started bool // the figures were taken already
}

func (e *busyError) Error() string {
	who := fmt.Sprintf("other processes used %.0f %% of the machine", 100*e.Others)
	if e.Stolen > quietEnough {
		who += fmt.Sprintf(" and other machines on the same hardware took %.0f %%", 100*e.Stolen)
	}
	if e.Started {
		return who + " during the run, so no figures are reported; repeat it on a quiet machine, or use -busy"
	}
	return who + fmt.Sprintf(" for %s, so nothing was measured; try again when the machine is quiet, or use -busy", quietTime)
}

// refuse is an error when others used too much of the machine.
func (s shares) refuse(started bool) error {
	if s.Others <= quietEnough && s.Stolen <= quietEnough {
		return nil
	}
	return &busyError{s, started}
}

// awaitQuiet waits until others leave the machine alone for a second, and gives up after a minute. now is the moment with the processes that
// belong to the run.
func awaitQuiet(ctx context.Context, now func() moment) error {
	for deadline := time.Now().Add(quietTime); ; {
		before := now()
		if err := sleepUntil(ctx, time.Now().Add(time.Second)); err != nil {
			return err
		}
		err := now().since(before).shares().refuse(false)
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}
