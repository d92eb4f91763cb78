package statuspage

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// Limits of components and their rules.
const (
	MaxSlowAfter = time.Hour
	MaxAutomatic = 7 * 24 * time.Hour
	maxID        = 1<<53 - 1 // what JSON numbers hold
)

// DayChoices are the days of history that a page can show.
var DayChoices = []string{"30", "90", "365"}

// Parts of addresses that the service itself has, or that look as if it had.
var reservedSlugs = []string{
	"account", "admin", "api", "assets", "badge", "badges", "calendar", "confirm", "console", "events", "favicon", "feed", "feeds",
	"health", "healthz", "incident", "incidents", "login", "logo", "logout", "maintenance", "metrics", "new", "null", "password", "punctual",
	"robots", "security", "settings", "sign-in", "sign-up", "sitemap", "static", "status", "subscribe", "support", "undefined", "unsubscribe",
	"well-known", "www",
}

var (
	slugForm   = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`) // a label as in the name of a host
	accentForm = regexp.MustCompile(`^#[0-9a-f]{6}$`)
)

// NewPage is a page as it is when nothing of it is set: a draft that will be public.
func NewPage() Page { return Page{Timezone: "UTC", Days: 90} }

// Accept takes a page that was edited, before being what it was (NewPage for a new one), for one that can be stored: it brings its values
// into the form in which they are stored, and reports what is wrong as a *cron.Error of kind Invalid, with pointers such as
// "/components/2/title". A new page may have no slug. Not looked at is what needs more than the page: whether the slug is taken, and
// whether the account has the jobs.
func (p *Page) Accept(before *Page) error {
	var c cron.Checker
	p.normalize()
	p.acceptSlug(&c)
	c.Title("/title", p.Title, MaxTitle)
	c.Lines("/text", p.Text, MaxText)
	c.Lines("/announcement", p.Announcement, MaxAnnouncement)
	c.Instant("/announcedUntil", p.AnnouncedUntil)
	if p.Accent != "" && !accentForm.MatchString(p.Accent) {
		c.Add("/accent", cron.Problem{Rule: cron.RuleColour, Given: p.Accent})
	}
	c.Choice("/theme", int(p.Theme), int(ThemeDark)+1)
	c.Choice("/access", int(p.Access), int(AccessMembers)+1)
	if p.Timezone != before.Timezone && !cron.KnownZone(p.Timezone) {
		c.Add("/timezone", cron.Problem{Rule: cron.RuleUnknownTimeZone, Given: p.Timezone})
	}
	if !cron.IsLanguage(p.Language) {
		c.Add("/language", cron.Problem{Rule: cron.RuleUnknownValue, Given: p.Language})
	}
	if days := strconv.Itoa(p.Days); !slices.Contains(DayChoices, days) {
		c.Add("/days", cron.Problem{Rule: cron.RuleUnknownValue, Given: days, Want: strings.Join(DayChoices, ", ")})
	}
	p.acceptPassword(&c)
	p.acceptNetworks(&c)
	p.acceptGroups(&c)
	p.acceptComponents(&c)
	return c.Err()
}

func (p *Page) normalize() {
	p.Slug, p.Title = strings.ToLower(strings.TrimSpace(p.Slug)), strings.TrimSpace(p.Title)
	p.Text, p.Announcement = strings.TrimSpace(p.Text), strings.TrimSpace(p.Announcement)
	p.Accent, p.Timezone, p.Language = strings.ToLower(strings.TrimSpace(p.Accent)), strings.TrimSpace(p.Timezone), strings.TrimSpace(p.Language)
	if p.Timezone == "" {
		p.Timezone = "UTC"
	}
	if p.AnnouncedUntil = cron.WholeSeconds(p.AnnouncedUntil); p.Announcement == "" {
		p.AnnouncedUntil = time.Time{}
	}
}

func (p *Page) acceptSlug(c *cron.Checker) {
	switch {
	case p.Slug == "" && p.ID == 0: // one is made of the title
	case len(p.Slug) > MaxSlug:
		c.Add("/slug", cron.Problem{Rule: cron.RuleTooLong, Limit: MaxSlug, Unit: cron.UnitCharacters})
	case !slugForm.MatchString(p.Slug):
		c.Add("/slug", cron.Problem{Rule: cron.RuleSlug, Given: p.Slug})
	case slices.Contains(reservedSlugs, p.Slug):
		c.Add("/slug", cron.Problem{Rule: cron.RuleSlugReserved, Given: p.Slug})
	}
}

// IsSlug tells whether a text can be the slug of a page, reserved or not.
func IsSlug(text string) bool { return len(text) <= MaxSlug && slugForm.MatchString(text) }

// SlugOf makes a slug of a title: its letters and digits of ASCII, and hyphens between them. It is "page" when nothing is left, or what is
// left is reserved.
func SlugOf(title string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(title) {
		switch {
		case 'a' <= r && r <= 'z' || '0' <= r && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() == MaxSlug-slugNumber {
			break
		}
	}
	slug := strings.Trim(b.String(), "-")
	if slug == "" || slices.Contains(reservedSlugs, slug) {
		return "page"
	}
	return slug
}

// slugNumber is room for a number that makes a slug different.
const slugNumber = 6

// acceptPassword looks at a new password, and at whether there is one where it is needed.
func (p *Page) acceptPassword(c *cron.Checker) {
	switch n := len(p.Password); {
	case n > MaxPassword:
		c.Add("/password", cron.Problem{Rule: cron.RulePasswordLong, Limit: MaxPassword})
	case n > 0 && len([]rune(p.Password)) < MinPassword:
		c.Add("/password", cron.Problem{Rule: cron.RulePasswordShort, Limit: MinPassword})
	case n == 0 && p.Access == AccessPassword && p.PasswordHash == "":
		c.Add("/password", cron.Problem{Rule: cron.RuleMandatory})
	}
}

func (p *Page) acceptNetworks(c *cron.Checker) {
	if len(p.Networks) > MaxNetworks {
		c.Add("/networks", cron.Problem{Rule: cron.RuleTooMany, Limit: MaxNetworks})
		return
	}
	var kept []string
	for i, text := range p.Networks {
		prefix, ok := cron.ParsePrefix(strings.TrimSpace(text))
		if !ok {
			c.Add("/networks/"+strconv.Itoa(i), cron.Problem{Rule: cron.RuleAddressRange, Given: text})
		} else if network := prefix.String(); !slices.Contains(kept, network) {
			kept = append(kept, network)
		}
	}
	p.Networks = kept
}

func (p *Page) acceptGroups(c *cron.Checker) {
	if len(p.Groups) > MaxGroups {
		c.Add("/groups", cron.Problem{Rule: cron.RuleTooMany, Limit: MaxGroups})
		p.Groups = p.Groups[:MaxGroups]
	}
	titles := make(map[string]bool)
	for i := range p.Groups {
		g, at := &p.Groups[i], "/groups/"+strconv.Itoa(i)
		g.Title, g.Text = strings.TrimSpace(g.Title), strings.TrimSpace(g.Text)
		c.Title(at+"/title", g.Title, MaxTitle)
		if g.Title != "" && titles[g.Title] {
			c.Add(at+"/title", cron.Problem{Rule: cron.RuleTwice, Given: g.Title})
		}
		titles[g.Title] = true
		c.Lines(at+"/text", g.Text, MaxNote)
		c.Choice(at+"/fold", int(g.Fold), int(FoldHealthy)+1)
	}
}

func (p *Page) acceptComponents(c *cron.Checker) {
	if len(p.Components) > MaxComponents {
		c.Add("/components", cron.Problem{Rule: cron.RuleTooMany, Limit: MaxComponents})
		return
	}
	seen := make(map[int64]bool)
	for i := range p.Components {
		of, at := &p.Components[i], "/components/"+strconv.Itoa(i)
		of.PageID = p.ID
		if of.ID != 0 && seen[of.ID] {
			c.Add(at+"/componentId", cron.Problem{Rule: cron.RuleTwice, Given: strconv.FormatInt(of.ID, 10)})
		}
		seen[of.ID] = true
		of.accept(c, at)
		if of.Group != "" && !slices.ContainsFunc(p.Groups, func(g Group) bool { return g.Title == of.Group }) {
			c.Add(at+"/group", cron.Problem{Rule: cron.RuleUnknownGroup, Given: of.Group})
		}
	}
}

// accept adds what is wrong with a component, but for its group.
func (of *Component) accept(c *cron.Checker, at string) {
	of.Title, of.Text, of.Group = strings.TrimSpace(of.Title), strings.TrimSpace(of.Text), strings.TrimSpace(of.Group)
	c.Title(at+"/title", of.Title, MaxTitle)
	c.Lines(at+"/text", of.Text, MaxNote)
	slices.Sort(of.JobIDs)
	of.JobIDs = slices.Compact(of.JobIDs)
	switch n := len(of.JobIDs); {
	case n > MaxJobs:
		c.Add(at+"/jobIds", cron.Problem{Rule: cron.RuleTooMany, Limit: MaxJobs})
	case n > 0 && (of.JobIDs[0] < 1 || of.JobIDs[n-1] > maxID):
		c.Add(at+"/jobIds", cron.OutOfRange(of.JobIDs[0], 1, maxID))
	}
	between(c, at+"/needed", of.Needed, 0, len(of.JobIDs))
	of.Automatic = of.Automatic.Truncate(time.Minute)
	if of.Automatic < 0 || of.Automatic > MaxAutomatic {
		c.Add(at+"/automaticMinutes", cron.OutOfRange(int64(of.Automatic/time.Minute), 0, int64(MaxAutomatic/time.Minute)))
	}
	of.Rule.accept(c, at+"/rule")
}

func (r *Rule) accept(c *cron.Checker, at string) {
	if *r == (Rule{}) {
		*r = DefaultRule()
	}
	r.SlowAfter = r.SlowAfter.Truncate(time.Millisecond)
	between(c, at+"/of", r.Of, 1, MaxWindow)
	between(c, at+"/failures", r.Failures, 1, min(max(r.Of, 1), MaxWindow))
	between(c, at+"/successes", r.Successes, 1, MaxWindow)
	between(c, at+"/percent", r.Percent, 1, 100)
	if r.SlowAfter < 0 || r.SlowAfter > MaxSlowAfter {
		c.Add(at+"/slowAfterMs", cron.OutOfRange(r.SlowAfter.Milliseconds(), 0, MaxSlowAfter.Milliseconds()))
	}
}

// between adds that n is not between two numbers.
func between(c *cron.Checker, pointer string, n, least, most int) {
	if n < least || n > most {
		c.Add(pointer, cron.OutOfRange(int64(n), int64(least), int64(most)))
	}
}
