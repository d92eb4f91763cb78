package api

import (
	"fmt"
	"net/http"
	"strings"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// badgeAddress is where a badge is.
type badgeAddress struct {
	Options       int    `json:"options"`
	Title         bool   `json:"title"`
	LastExecution bool   `json:"lastExecution"`
	Duration      bool   `json:"duration"`
	Path          string `json:"path"`
}

// listBadges tells where the badges of a job are, all of them or those that the query string asks for.
func (a *api) listBadges(w http.ResponseWriter, r *http.Request, account cron.Account) error {
	wanted, err := wantedBadges(r)
	if err != nil {
		return err
	}
	jobID := pathID(r, "jobId")
	if _, err := a.service.Job(r.Context(), a.now(), account, jobID); err != nil {
		return err
	}
	answer := struct {
		Badges []badgeAddress `json:"badges"`
	}{}
	for _, parts := range wanted {
		token := a.service.BadgeToken(account.ID, jobID, parts)
		answer.Badges = append(answer.Badges, badgeAddress{
			int(parts), parts&cron.BadgeTitle != 0, parts&cron.BadgeExecution != 0, parts&cron.BadgeLatency != 0,
			fmt.Sprintf("/jobs/%d/%s/status-%d.svg", jobID, token, parts),
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
