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

// edit is what a request sets of something.
type edit[T any] func(to *T)

// edits joins edits.
func edits[T any](list []edit[T]) edit[T] {
	return func(to *T) {
		for _, change := range list {
			change(to)
		}
	}
}

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
	texts := map[string]func(*statuspage.Page) *string{
		"title": func(p *statuspage.Page) *string { return &p.Title }, "slug": func(p *statuspage.Page) *string { return &p.Slug },
		"text": func(p *statuspage.Page) *string { return &p.Text }, "accent": func(p *statuspage.Page) *string { return &p.Accent },
		"timezone": func(p *statuspage.Page) *string { return &p.Timezone }, "language": func(p *statuspage.Page) *string { return &p.Language },
		"password": func(p *statuspage.Page) *string { return &p.Password }, "announcement": func(p *statuspage.Page) *string { return &p.Announcement },
	}
	for name, field := range texts {
		o.Text(name, field(&given))
	}
	wire.Choice(o, "theme", &given.Theme, wire.ThemeNames)
	wire.Choice(o, "access", &given.Access, wire.AccessNames)
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
	has := func(name string) bool { _, ok := o.Value(name); return ok }
	return func(p *statuspage.Page) {
		for name, field := range texts {
			set(has(name), field(p), *field(&given))
		}
		set(has("theme"), &p.Theme, given.Theme)
		set(has("access"), &p.Access, given.Access)
		set(has("days"), &p.Days, given.Days)
		set(has("published"), &p.Published, given.Published)
		set(has("withMaintenance"), &p.WithMaintenance, given.WithMaintenance)
		set(has("announcedUntil") || o.Null("announcedUntil"), &p.AnnouncedUntil, given.AnnouncedUntil)
		set(has("networks"), &p.Networks, slices.Clone(given.Networks))
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
		wire.Choice(object, "fold", &g.Fold, wire.FoldNames)
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
		change edit[statuspage.Component]
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

func readComponent(o wire.Object) edit[statuspage.Component] {
	var (
		given     statuspage.Component
		slow      int64
		automatic int64
		changes   []edit[statuspage.Component]
	)
	o.Skip(componentOutput...)
	take := func(of wire.Object, name string, change edit[statuspage.Component]) {
		if _, ok := of.Value(name); ok {
			changes = append(changes, change)
		}
	}
	const low, high = math.MinInt32, math.MaxInt32
	o.Text("group", &given.Group)
	take(o, "group", func(to *statuspage.Component) { to.Group = given.Group })
	o.Text("title", &given.Title)
	take(o, "title", func(to *statuspage.Component) { to.Title = given.Title })
	o.Text("text", &given.Text)
	take(o, "text", func(to *statuspage.Component) { to.Text = given.Text })
	readItems(o, "jobIds", &given.JobIDs, func(item json.RawMessage) ([]int64, cron.Problem) {
		id, wrong := wire.ParseInteger(item, 1, wire.MaxID)
		return []int64{id}, wrong
	})
	take(o, "jobIds", func(to *statuspage.Component) { to.JobIDs = slices.Clone(given.JobIDs) })
	wire.Integer(o, "needed", &given.Needed, low, high)
	take(o, "needed", func(to *statuspage.Component) { to.Needed = given.Needed })
	wire.Integer(o, "automaticMinutes", &automatic, low, high)
	take(o, "automaticMinutes", func(to *statuspage.Component) { to.Automatic = time.Duration(automatic) * time.Minute })
	o.Boolean("publishAutomatic", &given.PublishAutomatic)
	take(o, "publishAutomatic", func(to *statuspage.Component) { to.PublishAutomatic = given.PublishAutomatic })
	rule, r := o.Object("rule"), &given.Rule
	for name, field := range map[string]func(*statuspage.Rule) *int{
		"failures":  func(r *statuspage.Rule) *int { return &r.Failures },
		"of":        func(r *statuspage.Rule) *int { return &r.Of },
		"successes": func(r *statuspage.Rule) *int { return &r.Successes },
		"percent":   func(r *statuspage.Rule) *int { return &r.Percent },
	} {
		wire.Integer(rule, name, field(r), low, high)
		take(rule, name, func(to *statuspage.Component) { *field(&to.Rule) = *field(r) })
	}
	wire.Integer(rule, "slowAfterMs", &slow, low, high)
	take(rule, "slowAfterMs", func(to *statuspage.Component) { to.Rule.SlowAfter = time.Duration(slow) * time.Millisecond })
	return edits(changes)
}
