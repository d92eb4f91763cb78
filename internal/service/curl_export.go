package service

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"punctual/internal/cron"
)

// exportPage is how many jobs a page of ExportCrontab has.
const exportPage = 200

// ExportCrontab writes all jobs of the account as a crontab of curl commands, in the order of their IDs, after a head. What cron cannot do, and
// disabled jobs, stand there as comments. A viewer gets them without their secrets. Nothing is held in memory but a page.
func (s *Service) ExportCrontab(ctx context.Context, now time.Time, actor cron.Actor, head string, w io.Writer) error {
	if err := s.allow(&actor, UseSearchJobs); err != nil {
		return err
	}
	words := language(&actor)
	out := bufio.NewWriter(w)
	_, _ = fmt.Fprintf(out, "# %s\nSHELL=/bin/bash\n", comment(head))
	for q := (cron.JobQuery{Sort: cron.SortID, Limit: exportPage}); ; {
		page, err := s.store.SearchJobs(ctx, actor.Account.ID, &q)
		if err != nil {
			return err
		}
		for i := range page.Jobs {
			job, err := s.Job(ctx, now, actor, page.Jobs[i].ID) // one after the other, since a job may be large
			if cron.KindOf(err) == cron.NotFound {
				continue // deleted meanwhile
			}
			if err != nil {
				return err
			}
			_, _ = out.WriteString(exportEntry(&job.Job, words.Schedule(&job.Schedule, job.Timing.RunAt)))
		}
		if page.Next.IsZero() {
			break
		}
		q.After = page.Next
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write the crontab: %w", err)
	}
	return nil
}

// exportEntry is a job in a crontab, with its title and its schedule in words.
func exportEntry(j *cron.Job, words string) string {
	entry := fmt.Sprintf("\n# %s (%d): %s\n", comment(titleOf(j)), j.ID, comment(words))
	line, ok := crontabOf(j)
	switch {
	case !ok:
		return entry + "# " + curlOf(j, Bash, false) + "\n"
	case !j.Enabled:
		return entry + "# " + strings.ReplaceAll(line, "\n", "\n# ") + "\n"
	}
	return entry + line + "\n"
}

// comment is text that people wrote, on one line.
func comment(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
}
