package service

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// MaxSubscribersPage is the largest page of Subscribers, and what one has when nothing else is said.
const MaxSubscribersPage = 100

// Subscribers lists subscribers of a status page, also those that wait to be confirmed, the latest first, from behind an ID on (0: all). more
// tells that there are others behind them. Secrets are left out.
func (s *Service) Subscribers(ctx context.Context, actor cron.Actor, pageID, before int64, limit int) (list []statuspage.Subscriber, more bool, err error) {
	if err := s.allow(&actor, UseListSubscribers); err != nil {
		return nil, false, err
	}
	limit = max(1, min(limit, MaxSubscribersPage))
	list, err = s.store.Subscribers(ctx, actor.Account.ID, pageID, before, limit+1)
	for i := range list {
		list[i].Secret = ""
	}
	if len(list) > limit {
		return list[:limit], true, err
	}
	return list, false, err
}

// CountSubscribers counts the subscribers of a status page: those that have confirmed, and those that wait.
func (s *Service) CountSubscribers(ctx context.Context, actor cron.Actor, pageID int64) (confirmed, waiting int, err error) {
	if err := s.allow(&actor, UseListSubscribers); err != nil {
		return 0, 0, err
	}
	return s.store.CountSubscribers(ctx, actor.Account.ID, pageID)
}

// DeleteSubscriber removes a subscriber of a status page, who is told nothing any more, not even of that.
func (s *Service) DeleteSubscriber(ctx context.Context, actor cron.Actor, pageID, subscriberID int64) error {
	if err := s.allow(&actor, UseDeleteSubscriber); err != nil {
		return err
	}
	return s.store.DeleteSubscriber(ctx, actor.Account.ID, pageID, subscriberID, func(ctx context.Context, x *statuspage.Subscriber, page string) error {
		return s.note(ctx, &actor, cron.AuditEntry{Action: actSubscriberDrop, Object: objectStatusPage, ObjectID: pageID, Title: page})
	})
}

// ExportSubscribers writes all subscribers of a status page as comma-separated values, the latest first, with a line of names.
func (s *Service) ExportSubscribers(ctx context.Context, actor cron.Actor, pageID int64, to io.Writer) error {
	if err := s.allow(&actor, UseExportSubscribers); err != nil {
		return err
	}
	p, err := s.store.StatusPage(ctx, actor.Account.ID, pageID)
	if err != nil {
		return err
	}
	err = s.note(ctx, &actor, cron.AuditEntry{Action: actSubscriberExport, Object: objectStatusPage, ObjectID: pageID, Title: p.Title})
	if err != nil {
		return err
	}
	lines := csv.NewWriter(to)
	_ = lines.Write([]string{"subscriberId", "kind", "address", "components", "created", "confirmed", "failingSince"}) // Error tells
	for before, more := int64(0), true; more; {
		var list []statuspage.Subscriber
		if list, more, err = s.Subscribers(ctx, actor, pageID, before, MaxSubscribersPage); err != nil {
			return err
		}
		for i := range list {
			x := &list[i]
			before = x.ID
			_ = lines.Write([]string{strconv.FormatInt(x.ID, 10), x.Kind.String(), plainCell(x.Address), plainCell(componentTitles(&p, x.ComponentIDs)),
				timeCell(x.Created), timeCell(x.Confirmed), timeCell(x.Failing)})
		}
		lines.Flush()
		if err := lines.Error(); err != nil {
			return fmt.Errorf("write the subscribers: %w", err)
		}
	}
	return nil
}

// plainCell is a text that spreadsheets do not take for a formula.
func plainCell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

// timeCell is an instant as RFC 3339; empty for none.
func timeCell(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// componentTitles are the titles of some components of a page, with semicolons between them.
func componentTitles(p *statuspage.Page, ids []int64) string {
	var titles []string
	for i := range p.Components {
		if slices.Contains(ids, p.Components[i].ID) {
			titles = append(titles, p.Components[i].Title)
		}
	}
	return strings.Join(titles, "; ")
}
