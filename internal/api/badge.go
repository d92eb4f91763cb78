package api

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"punctual/internal/api/wire"
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
	image := badge(label, state, badgeColour(&job))
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

// The colours of badges, dark enough for white text.
const (
	badgeGrey  = "#5f6670"
	badgeGreen = "#1a7f37"
	badgeRed   = "#c0322b"
	labelGrey  = "#3b4048"
)

func badgeColour(job *cron.JobRecord) string {
	switch {
	case !job.Enabled, job.State.LastStatus == cron.StatusUnknown:
		return badgeGrey
	case job.State.LastStatus == cron.StatusOK:
		return badgeGreen
	}
	return badgeRed
}

// badge draws two texts beside each other, the second one on the given colour.
func badge(label, state, colour string) []byte {
	const padding = 7
	labelText, stateText := textWidth(label), textWidth(state)
	left, right := labelText+2*padding, stateText+2*padding
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="20" role="img" aria-label="%s: %s">`,
		left+right, escapeXML(label), escapeXML(state))
	fmt.Fprintf(&b, `<title>%s: %s</title>`, escapeXML(label), escapeXML(state))
	fmt.Fprintf(&b, `<rect width="%d" height="20" rx="3" fill="%s"/>`, left+right, labelGrey)
	fmt.Fprintf(&b, `<path fill="%s" d="M%d 0h%da3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-%dz"/>`, colour, left, right-3, right-3)
	b.WriteString(`<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">`)
	fmt.Fprintf(&b, `<text x="%d" y="14" textLength="%d">%s</text>`, padding, labelText, escapeXML(label))
	fmt.Fprintf(&b, `<text x="%d" y="14" textLength="%d">%s</text>`, left+padding, stateText, escapeXML(state))
	b.WriteString("</g></svg>\n")
	return b.Bytes()
}

// textWidth is about how many pixels a text takes; textLength makes it so.
func textWidth(s string) int {
	const narrow, wide = 7, 12 // wide from the first East Asian characters on
	width := 0
	for _, r := range s {
		if r < 0x1100 {
			width += narrow
		} else {
			width += wide
		}
	}
	return width
}

// escapeXML makes s safe in text and attributes; what XML cannot hold becomes U+FFFD.
func escapeXML(s string) string {
	var b strings.Builder
	b.Grow(len(s) + utf8.UTFMax)
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
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
	answer := struct {
		Badges []badgeAddress `json:"badges"`
	}{}
	for i, parts := range wanted {
		answer.Badges = append(answer.Badges, badgeAddress{
			int(parts), parts&cron.BadgeTitle != 0, parts&cron.BadgeExecution != 0, parts&cron.BadgeLatency != 0,
			fmt.Sprintf("/jobs/%d/%s/status-%d.svg", jobID, tokens[i], parts),
		})
	}
	return reply(w, answer)
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
