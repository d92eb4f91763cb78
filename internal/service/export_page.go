package service

import (
	"context"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// statusPages writes the status pages with their components, logos and domains, but for passwords.
func (x *exporter) statusPages(ctx context.Context) error {
	pages, err := x.service.store.StatusPages(ctx, x.account.ID)
	if err != nil {
		return err
	}
	for i := range pages {
		x.pageIDs = append(x.pageIDs, pages[i].ID)
	}
	x.name("statusPages")
	x.text("[")
	for i := range pages {
		object := exportStatusPage(&pages[i])
		for place, name := range []string{"logo", "logoDark"} {
			if !pages[i].Logos[place] {
				continue
			}
			picture, err := x.service.store.StatusLogo(ctx, x.account.ID, pages[i].ID, place == 1)
			if err != nil && cron.KindOf(err) != cron.NotFound { // taken off meanwhile
				return err
			}
			object[name] = picture
		}
		domains, err := x.service.store.StatusDomains(ctx, x.account.ID, pages[i].ID)
		if err != nil && cron.KindOf(err) != cron.NotFound { // the page was deleted meanwhile
			return err
		}
		object["domains"] = exportDomains(domains)
		x.item(i == 0, object)
	}
	x.text("]")
	return nil
}

func exportDomains(domains []statuspage.Domain) []any {
	list := make([]any, len(domains))
	for i := range domains {
		d := &domains[i]
		list[i] = map[string]any{"host": d.Host, "verified": unixOrNil(d.Held), "created": d.Created.Unix(), "createdBy": d.CreatedBy}
	}
	return list
}

func exportStatusPage(p *statuspage.Page) map[string]any {
	groups, components := make([]any, len(p.Groups)), make([]any, len(p.Components))
	for i, g := range p.Groups {
		groups[i] = map[string]any{"title": g.Title, "text": g.Text, "fold": statuspage.FoldNames[g.Fold]}
	}
	for i := range p.Components {
		of, r := &p.Components[i], &p.Components[i].Rule
		components[i] = map[string]any{"componentId": of.ID, "group": of.Group, "title": of.Title, "text": of.Text,
			"jobIds": append([]int64{}, of.JobIDs...), "needed": of.Needed, "automaticMinutes": int64(of.Automatic / time.Minute),
			"publishAutomatic": of.PublishAutomatic, "state": of.State.String(), "since": unixOrNil(of.Since),
			"rule": map[string]any{"failures": r.Failures, "of": r.Of, "successes": r.Successes, "slowAfterMs": r.SlowAfter.Milliseconds(),
				"percent": r.Percent}}
	}
	return map[string]any{"statusPageId": p.ID, "title": p.Title, "slug": p.Slug, "text": p.Text, "accent": p.Accent,
		"theme": statuspage.ThemeNames[p.Theme], "timezone": p.Timezone, "language": p.Language, "days": p.Days, "published": p.Published,
		"access": statuspage.AccessNames[p.Access], "hasPassword": p.HasPassword, "networks": append([]string{}, p.Networks...),
		"announcement": p.Announcement, "announcedUntil": unixOrNil(p.AnnouncedUntil), "withMaintenance": p.WithMaintenance,
		"groups": groups, "components": components, "created": p.Created.Unix(), "updated": p.Updated.Unix(), "updatedBy": p.UpdatedBy}
}
