package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// nodes lists the nodes. SQLite has no leases: whether its node is alive is known by the lock on the data directory.
func (in *invocation) nodes(ctx context.Context) ([]cron.Node, error) {
	nodes, err := in.service.Nodes(ctx, operator())
	if err != nil || in.config.Database != "" {
		return nodes, err
	}
	unlock, err := lockData(in.config.Data)
	if errors.Is(err, errLocked) {
		return nodes, nil
	}
	if err != nil {
		return nil, err
	}
	for i := range nodes {
		nodes[i].Alive = false
	}
	return nodes, unlock()
}

func listNodes(ctx context.Context, in *invocation) error {
	nodes, err := in.nodes(ctx)
	if err != nil {
		return err
	}
	now := in.store.Now()
	t := tabwriter.NewWriter(in.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "EPOCH\tNAME\tROLE\tSTATE\tVERSION\tSTARTED\tHEARTBEAT\tIN FLIGHT\tLATENESS\tCLOCK")
	for i := range nodes {
		n := &nodes[i]
		heartbeat, inFlight, late, clock := "-", "-", "-", "-"
		told := in.config.Database != "" && !n.Heartbeat.IsZero()
		if told {
			heartbeat = max(0, now.Sub(n.Heartbeat)).Round(time.Second).String() + " ago"
		}
		if told && n.Alive {
			inFlight, late = fmt.Sprint(n.InFlight), n.Lateness.Round(time.Millisecond).String()
			clock = fmt.Sprintf("%+dms", n.ClockOffset.Milliseconds())
		}
		version := n.Version
		if version == "" {
			version = "-"
		}
		_, _ = fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", n.Epoch, printable(n.Name), printable(string(n.Role)), n.State(),
			printable(version), n.Started.UTC().Format(time.RFC3339), heartbeat, inFlight, late, clock)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, name := range cron.SharedNames(nodes) {
		if _, err := fmt.Fprintln(in.stdout, message.Default().SharedNode(printable(name))); err != nil {
			return err
		}
	}
	return in.tellWorking(nodes)
}

// tellWorking says when nothing runs.
func (in *invocation) tellWorking(nodes []cron.Node) error {
	if cron.WorkingNodes(nodes) > 0 {
		return nil
	}
	_, err := io.WriteString(in.stdout, message.Default().NothingRuns()+"\n")
	return err
}

func drainNode(ctx context.Context, in *invocation) error {
	return in.drain(ctx, in.config.Nodes.Drain.Node, true)
}

func resumeNode(ctx context.Context, in *invocation) error {
	return in.drain(ctx, in.config.Nodes.Resume.Node, false)
}

func (in *invocation) drain(ctx context.Context, name string, draining bool) error {
	nodes, err := in.nodes(ctx)
	if err != nil {
		return err
	}
	n, err := cron.FindNode(nodes, name)
	if shared, ok := errors.AsType[*cron.SharedNameError](err); ok {
		return errors.New(message.Default().WhichNode(shared))
	}
	if err == nil {
		err = in.service.DrainNode(ctx, operator(), n.Epoch, draining)
	}
	if cron.KindOf(err) == cron.NotFound {
		return errors.New(message.Default().NoSuchNode(name))
	}
	if err != nil {
		return err
	}
	n.Draining = draining
	if _, err := fmt.Fprintln(in.stdout, message.Default().NodeDrains(printable(n.Name), n.Epoch, draining)); err != nil {
		return err
	}
	return in.tellWorking(nodes)
}
