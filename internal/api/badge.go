package api

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"punctual/internal/api/wire"
	"punctual/internal/badge"
	"punctual/internal/cron"
)

// openRate is how many badges an address may get in a second.
const openRate = 10

// getBadge answers with an image of how a job is, for anybody who has its address.
func (a *api) getBadge(w http.ResponseWriter, r *http.Request, _ cron.Actor) error {
	parts, ok := badgeParts(r.PathValue("badge"))
	if !ok {
		return cron.Missing(cron.SubjectNone)
	}
	now := a.now()
	if wait, ok := a.badges.Allow(a.proxies.Client(r), now); !ok {
		return &cron.Error{Kind: cron.TooMany, RetryAfter: wait}
	}
	job, err := a.service.Badge(r.Context(), pathID(r, "jobId"), r.PathValue("token"), parts)
	switch {
	case cron.KindOf(err) == cron.NotFound:
		return cron.Missing(cron.SubjectNone) // who has no valid token hears nothing of jobs
	case err != nil:
		return err
	}
	label, state := languageOf(r).Badge(&job, parts)
	image := (&badge.Badge{Label: label, Message: state, Colour: badgeColour(&job)}).SVG(badge.Flat)
	h := w.Header()
	h.Set("Content-Type", "image/svg+xml")
	h.Set("Content-Length", strconv.Itoa(len(image)))
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	h.Set("Cache-Control", "max-age=60, private")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(image) // whoever is gone does not need it
	return nil
}

// badgeParts reads the options from the last part of a badge's path, status-{options}.svg. A number is written in one
// way only.
func badgeParts(name string) (parts cron.BadgeParts, ok bool) {
	options, isBadge := strings.CutPrefix(name, "status-")
	options, isImage := strings.CutSuffix(options, ".svg")
	n, err := strconv.ParseUint(options, 10, 31)
	parts = cron.BadgeParts(n)
	return parts, isBadge && isImage && err == nil && parts.Valid() && strconv.FormatUint(n, 10) == options
}

// isThere tells whether something can be at a path that a pattern matches: badges share their pattern with much else.
func isThere(r *http.Request) bool {
	name := r.PathValue("badge")
	_, ok := badgeParts(name)
	return name == "" || ok
}

func badgeColour(job *cron.JobRecord) badge.Colour {
	switch {
	case !job.Enabled, job.State.LastStatus == cron.StatusUnknown:
		return badge.Grey
	case job.State.LastStatus == cron.StatusOK:
		return badge.Green
	}
	return badge.Red
}

// badgeAddress is where a badge is.
type badgeAddress struct {
	Options       int    `json:"options"`
	Title         bool   `json:"title"`
	LastExecution bool   `json:"lastExecution"`
	Duration      bool   `json:"duration"`
	Path          string `json:"path"`
}

// listBadges tells where the badges of a job are, all of them or those that the query string asks for.
func (a *api) listBadges(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	wanted, err := wantedBadges(r)
	if err != nil {
		return err
	}
	jobID := pathID(r, "jobId")
	tokens, err := a.service.BadgeTokens(r.Context(), actor, jobID, wanted)
	if err != nil {
		return err
	}
	path, err := a.service.JobBadgePath(r.Context(), actor, jobID)
	if err != nil {
		return err
	}
	answer := struct {
		Badges    []badgeAddress `json:"badges"`
		Addresses []addresses    `json:"addresses"`
	}{Addresses: addressesBelow(path)}
	for i, parts := range wanted {
		answer.Badges = append(answer.Badges, badgeAddress{
			int(parts), parts&cron.BadgeTitle != 0, parts&cron.BadgeExecution != 0, parts&cron.BadgeLatency != 0,
			fmt.Sprintf("/jobs/%d/%s/status-%d.svg", jobID, tokens[i], parts),
		})
	}
	return reply(w, answer)
}

// addresses are the paths of a badge in its forms.
type addresses struct {
	Metric  string `json:"metric"`
	SVG     string `json:"svg"`
	JSON    string `json:"json"`
	Shields string `json:"shields"`
}

// addressesBelow lists all badges of a job, a component or a page.
func addressesBelow(path string) []addresses {
	list := make([]addresses, badge.MetricCount)
	for i := range list {
		m := badge.Metric(i)
		list[i] = addresses{m.String(), path + badge.Name(m, badge.SVG), path + badge.Name(m, badge.JSON), path + badge.Name(m, badge.Shields)}
	}
	return list
}

// renewBadges gives the badges of a job other addresses.
func (a *api) renewBadges(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	if err := a.service.RenewJobBadge(r.Context(), actor, pathID(r, "jobId")); err != nil {
		return err
	}
	return reply(w, struct{}{})
}

// pageBadges are the badges of a status page or a component.
type pageBadges struct {
	ComponentID *int64      `json:"componentId"` // null for the page
	Title       string      `json:"title"`
	Addresses   []addresses `json:"addresses"`
}

// listPageBadges tells where the badges of a page and of its components are.
func (a *api) listPageBadges(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	p, err := a.service.StatusPage(r.Context(), actor, pathID(r, "statusPageId"))
	if err != nil {
		return err
	}
	answer := struct {
		Open   bool         `json:"open"`
		Badges []pageBadges `json:"badges"`
	}{p.Open(), []pageBadges{{nil, p.Title, addressesBelow(a.service.PageBadgePath(&p, 0))}}}
	for i := range p.Components {
		c := &p.Components[i]
		answer.Badges = append(answer.Badges, pageBadges{&c.ID, c.Title, addressesBelow(a.service.PageBadgePath(&p, c.ID))})
	}
	return reply(w, answer)
}

// renewPageBadges gives the badges of a page other tokens.
func (a *api) renewPageBadges(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	if err := a.service.RenewPageBadges(r.Context(), actor, pathID(r, "statusPageId")); err != nil {
		return err
	}
	return reply(w, struct{}{})
}

// wantedBadges reads the parameter options, a list of numbers; without it all badges are wanted.
func wantedBadges(r *http.Request) ([]cron.BadgeParts, error) {
	var (
		p      wire.Problems
		wanted []cron.BadgeParts
		text   string
	)
	query := wire.Query(r, &p)
	query.Text("options", &text)
	if text == "" {
		for parts := range wire.AllBadges + 1 {
			wanted = append(wanted, parts)
		}
		return wanted, nil
	}
	for item := range strings.SplitSeq(text, ",") {
		n, wrong := wire.ParseInteger([]byte(`"`+strings.TrimSpace(item)+`"`), 0, int64(wire.AllBadges))
		if wrong.Rule != cron.RuleNone {
			query.Add("options", wrong)
			continue
		}
		wanted = append(wanted, cron.BadgeParts(n))
	}
	return wanted, p.Err()
}
