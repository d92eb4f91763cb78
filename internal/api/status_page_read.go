package api

import (
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// readStatusPage reads what a request sets of a page.
func (a *api) readStatusPage(w http.ResponseWriter, r *http.Request) (change func(*statuspage.Page), err error) {
	body, outer, err := wire.ReadMember(w, r, statusPageBody, "statusPage")
	if err != nil {
		return nil, err
	}
	var (
		p     wire.Problems
		given statuspage.Page
		o     = wire.NewObject(body, "", &p)
	)
	o.Skip(statusPageOutput...)
	o.Text("title", &given.Title)
	o.Text("slug", &given.Slug)
	o.Text("text", &given.Text)
	o.Text("accent", &given.Accent)
	o.Text("timezone", &given.Timezone)
	o.Text("language", &given.Language)
	o.Text("password", &given.Password)
	o.Text("announcement", &given.Announcement)
	wire.Choice(o, "theme", &given.Theme, statuspage.ThemeNames)
	wire.Choice(o, "access", &given.Access, statuspage.AccessNames)
	wire.Integer(o, "days", &given.Days, math.MinInt32, math.MaxInt32)
	o.Boolean("published", &given.Published)
	o.Boolean("withMaintenance", &given.WithMaintenance)
	wire.Instant(o, "announcedUntil", &given.AnnouncedUntil)
	readItems(o, "networks", &given.Networks, parseItem)
	groups, hasGroups := readGroups(o)
	components, hasComponents := readComponents(o)
	a.tellIgnored(w, r, outer, "/statusPage", p.Unread())
	if err := p.Err(); err != nil {
		return nil, cron.Under("/statusPage", err)
	}
	return func(p *statuspage.Page) {
		set(o.Has("title"), &p.Title, given.Title)
		set(o.Has("slug"), &p.Slug, given.Slug)
		set(o.Has("text"), &p.Text, given.Text)
		set(o.Has("accent"), &p.Accent, given.Accent)
		set(o.Has("timezone"), &p.Timezone, given.Timezone)
		set(o.Has("language"), &p.Language, given.Language)
		set(o.Has("password"), &p.Password, given.Password)
		set(o.Has("announcement"), &p.Announcement, given.Announcement)
		set(o.Has("theme"), &p.Theme, given.Theme)
		set(o.Has("access"), &p.Access, given.Access)
		set(o.Has("days"), &p.Days, given.Days)
		set(o.Has("published"), &p.Published, given.Published)
		set(o.Has("withMaintenance"), &p.WithMaintenance, given.WithMaintenance)
		set(o.Has("announcedUntil") || o.Null("announcedUntil"), &p.AnnouncedUntil, given.AnnouncedUntil)
		set(o.Has("networks"), &p.Networks, slices.Clone(given.Networks))
		set(hasGroups, &p.Groups, slices.Clone(groups))
		if hasComponents {
			p.Components = components(p.Components)
		}
	}, nil
}

func readGroups(o wire.Object) (groups []statuspage.Group, given bool) {
	given = o.Each("groups", func(at string, item json.RawMessage) {
		var g statuspage.Group
		object := wire.NewObject(item, o.At("groups", at), o.Problems)
		object.Text("title", &g.Title)
		object.Text("text", &g.Text)
		wire.Choice(object, "fold", &g.Fold, statuspage.FoldNames)
		if len(groups) <= statuspage.MaxGroups { // more are refused, however many
			groups = append(groups, g)
		}
	})
	return groups, given
}

// readComponents reads the components of a page. One with an ID keeps what the request does not set of it; the list of former ones is for
// that.
func readComponents(o wire.Object) (apply func(former []statuspage.Component) []statuspage.Component, given bool) {
	type component struct {
		id     int64
		change func(*statuspage.Component)
	}
	var list []component
	given = o.Each("components", func(at string, item json.RawMessage) {
		object := wire.NewObject(item, o.At("components", at), o.Problems)
		of := component{change: readComponent(object)}
		wire.Integer(object, "componentId", &of.id, 0, wire.MaxID)
		if len(list) <= statuspage.MaxComponents {
			list = append(list, of)
		}
	})
	return func(former []statuspage.Component) []statuspage.Component {
		made := make([]statuspage.Component, len(list))
		for i, of := range list {
			at := slices.IndexFunc(former, func(was statuspage.Component) bool { return was.ID == of.id && of.id != 0 })
			if made[i] = (statuspage.Component{ID: of.id, Rule: statuspage.DefaultRule()}); at >= 0 {
				made[i] = former[at]
			}
			of.change(&made[i])
		}
		return made
	}, given
}

// readComponent reads what an object sets of a component.
func readComponent(o wire.Object) func(*statuspage.Component) {
	const low, high = math.MinInt32, math.MaxInt32
	var (
		given           statuspage.Component
		automatic, slow int64
	)
	o.Skip(componentOutput...)
	o.Text("group", &given.Group)
	o.Text("title", &given.Title)
	o.Text("text", &given.Text)
	readNumbers(o, "jobIds", &given.JobIDs)
	wire.Integer(o, "needed", &given.Needed, low, high)
	wire.Integer(o, "automaticMinutes", &automatic, low, high)
	o.Boolean("publishAutomatic", &given.PublishAutomatic)
	rule := o.Object("rule")
	wire.Integer(rule, "failures", &given.Rule.Failures, low, high)
	wire.Integer(rule, "of", &given.Rule.Of, low, high)
	wire.Integer(rule, "successes", &given.Rule.Successes, low, high)
	wire.Integer(rule, "slowAfterMs", &slow, low, high)
	wire.Integer(rule, "percent", &given.Rule.Percent, low, high)
	return func(to *statuspage.Component) {
		set(o.Has("group"), &to.Group, given.Group)
		set(o.Has("title"), &to.Title, given.Title)
		set(o.Has("text"), &to.Text, given.Text)
		set(o.Has("jobIds"), &to.JobIDs, append([]int64(nil), given.JobIDs...))
		set(o.Has("needed"), &to.Needed, given.Needed)
		set(o.Has("automaticMinutes"), &to.Automatic, time.Duration(automatic)*time.Minute)
		set(o.Has("publishAutomatic"), &to.PublishAutomatic, given.PublishAutomatic)
		set(rule.Has("failures"), &to.Rule.Failures, given.Rule.Failures)
		set(rule.Has("of"), &to.Rule.Of, given.Rule.Of)
		set(rule.Has("successes"), &to.Rule.Successes, given.Rule.Successes)
		set(rule.Has("slowAfterMs"), &to.Rule.SlowAfter, time.Duration(slow)*time.Millisecond)
		set(rule.Has("percent"), &to.Rule.Percent, given.Rule.Percent)
	}
}
