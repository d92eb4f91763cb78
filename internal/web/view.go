package web

import (
	"cmp"
	"net/http"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// view is what the layout of every page needs. Page data embed it.
type view struct {
	Lang  string
	Theme string // "light" or "dark"; empty for that of the system
	Place string // the entry of the navigation that the page belongs to; empty for none
	Done  string // what was just done, as a sentence; empty for nothing
	Next  string // the page that this one leads on to

	// Of a person who is signed in.
	Person   *cron.Person
	Account  cron.Account // that the person looks at; none has the ID 0
	Role     cron.Role    // in the account
	Accounts []cron.Membership
	Fresh    bool   // the person has proved recently who they are
	Self     string // the path of the page
	Here     string // its address with the query
	Wide     bool   // the page takes all of the width, as lists do
	Problems int    // that are open in the account

	labels *message.Catalogue
	now    time.Time
	mine   *time.Location // the zone of the person
	zone   *time.Location // in which times are shown that belong to no job
	times  string         // in whose zone times are shown
	untold func() bool    // see Untold; nil where nobody is signed in
}

// InSettings tells whether the page is one of the settings.
func (p view) InSettings() bool {
	switch p.Place {
	case "", "overview", "jobs", "runs", "problems", statusPlace:
		return false
	}
	return true
}

// plainView is the view of a page without navigation.
func (v *visit) plainView() view {
	p := view{Lang: v.catalogue.Tag, Next: v.next(), labels: v.catalogue, Self: v.r.URL.Path, Here: v.address()}
	v.setTimes(&p)
	if v.actor.Person != nil {
		p.Theme = v.actor.Person.Theme
	}
	if v.r.Method == http.MethodGet {
		p.Done = v.doneSentence(v.r.URL.Query().Get("done"))
	}
	return p
}

// view is the view of a page that belongs to an entry of the navigation, for a person who is signed in.
func (v *visit) view(place string) (view, error) {
	p := v.plainView()
	profile, err := v.web.service.Profile(v.ctx(), v.actor)
	if err != nil {
		return p, err
	}
	v.profile = profile
	p.Place, p.Person, p.Account, p.Role, p.Accounts = place, &profile.Person, v.actor.Account, v.actor.Role, profile.Memberships
	p.Fresh, p.untold = v.fresh(), v.untold
	if p.Account.ID != 0 && !p.Account.Disabled {
		counts, err := v.web.service.ProblemCounts(v.ctx(), v.actor)
		if err != nil {
			return p, err
		}
		p.Problems = counts.Open
	}
	return p, nil
}

// editorView is view for a page that only editors can use.
func (v *visit) editorView(place string) (view, error) {
	p, err := v.view(place)
	if err == nil && !p.May("editor") {
		err = needsRole(cron.RoleEditor)
	}
	return p, err
}

// AccountName is what an account is called.
func (view) AccountName(a cron.Account) string { return cmp.Or(a.Title, a.Email) }

// PersonName is what a person is called.
func (view) PersonName(p cron.Person) string { return cmp.Or(p.Name, p.Email) }

// RoleName is the name of a role.
func (p view) RoleName(r cron.Role) string {
	switch r {
	case cron.RoleOwner:
		return p.labels.Label("role.owner")
	case cron.RoleEditor:
		return p.labels.Label("role.editor")
	case cron.RoleViewer:
		return p.labels.Label("role.viewer")
	}
	return p.labels.Label("role.none")
}

// May tells whether the person has a role in the account, or a greater one.
func (p view) May(role string) bool {
	needed, ok := cron.ParseRole(role)
	return ok && p.Role >= needed
}

// RoleMeans says what a role may do.
func (p view) RoleMeans(r cron.Role) string {
	switch r {
	case cron.RoleOwner:
		return p.labels.Label("role.owner-means")
	case cron.RoleEditor:
		return p.labels.Label("role.editor-means")
	}
	return p.labels.Label("role.viewer-means")
}
