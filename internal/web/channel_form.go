package web

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/service"
)

// channelFormPage makes a channel or changes one. Without a kind it lets people choose one.
type channelFormPage struct {
	view
	ID              int64 // 0 for a new one
	Name            string
	Kind            *service.ChannelKind
	Line, Help      string // what the kind is, and where its values come from
	Form            form
	Fields, More    []settingField // More are those that hardly anybody changes
	Menu            folderMenu
	Zones           []string
	Languages       []*message.Catalogue
	Reminders       []reminderChoice
	NoMail          bool // it sends mails, and the service cannot
	Popular, Others []kindChoice
}

// settingField is a setting of the kind as the form shows it.
type settingField struct {
	field
	Choices  []string // nil for any text
	Secret   bool
	Kept     string // what is shown of a secret that is set; empty for none
	Remove   bool   // the secret may be taken away
	Generate bool   // the service can make another one
}

// reminderChoice is after how long an open problem is told again.
type reminderChoice struct{ Seconds, Label string }

// The names of fields in the form: those of settings begin with a prefix, since kinds may have any names.
const (
	settingPrefix = "set-"
	removePrefix  = "remove-"
)

func showNewChannel(v *visit) error {
	kinds, err := v.web.service.ChannelKinds(v.actor)
	if err != nil {
		return err
	}
	if kind, ok := service.FindChannelKind(v.r.URL.Query().Get("kind")); ok {
		f := newForm("default", "1", "timezone", v.plainView().mine.String())
		return v.channelForm(http.StatusOK, &channelFormPage{Kind: kind, Form: f}, nil)
	}
	p := channelFormPage{}
	if p.view, err = v.editorView("channels"); err != nil {
		return err
	}
	p.Popular, p.Others = v.kindChoices(kinds)
	return v.render(http.StatusOK, "channel-new", p)
}

// showChannelForm shows the settings of a channel.
func showChannelForm(v *visit) error {
	c, err := v.web.service.Channel(v.ctx(), v.actor, v.pathID("id"))
	if err != nil {
		return err
	}
	kind, ok := service.FindChannelKind(c.Kind)
	if !ok {
		return cron.Missing(cron.SubjectChannel) // of a newer version
	}
	return v.channelForm(http.StatusOK, &channelFormPage{ID: c.ID, Kind: kind, Form: channelValues(kind, &c)}, &c)
}

// channelValues is the form with what a channel has. Secrets stay out.
func channelValues(kind *service.ChannelKind, c *cron.Channel) form {
	f := newForm("title", c.Title, "tags", strings.Join(c.Tags, ", "), "template", c.Template, "language", c.Language,
		"reminder", strconv.FormatInt(int64(c.Reminder/time.Second), 10), "timezone", c.Timezone)
	for name, on := range map[string]bool{"default": c.Default, "grave": c.QuietGrave} {
		if on {
			f.values.Set(name, "1")
		}
	}
	if c.QuietFrom != c.QuietTo {
		f.values.Set("from", clockText(c.QuietFrom))
		f.values.Set("to", clockText(c.QuietTo))
	}
	for _, id := range c.FolderIDs {
		f.values.Add("folder", strconv.FormatInt(id, 10))
	}
	lines := make([]string, len(c.Headers))
	for i, h := range c.Headers {
		lines[i] = h.Name + ": " + h.Value
	}
	f.values.Set("headers", strings.Join(lines, "\n"))
	for i := range kind.Fields {
		if !kind.Fields[i].Secret {
			f.values.Set(settingPrefix+kind.Fields[i].Name, c.Settings[kind.Fields[i].Name])
		}
	}
	return f
}

// clockText is a minute of the day as "hh:mm".
func clockText(minute int) string { return fmt.Sprintf("%02d:%02d", minute/60, minute%60) }

// channelForm shows the form of a kind. c is the stored channel; nil for a new one.
func (v *visit) channelForm(status int, p *channelFormPage, c *cron.Channel) error {
	var err error
	if p.view, err = v.editorView("channels"); err != nil {
		return err
	}
	if p.Menu, err = v.folderMenu(p.Form.values["folder"]); err != nil {
		return err
	}
	if p.Name = p.Kind.Title; c != nil && c.Title != "" {
		p.Name = c.Title
	}
	p.Line = p.labels.Label(kindTexts[p.Kind.Name].line)
	if help := kindTexts[p.Kind.Name].help; help != "" {
		p.Help = p.labels.Label(help)
	}
	p.Zones, p.Languages, p.Reminders = cron.ZoneNames(), message.Languages(), p.reminders()
	p.NoMail = p.Kind.Mail() && !v.web.service.Features().Notices
	for i := range p.Kind.Fields {
		f := &p.Kind.Fields[i]
		x := v.settingField(p, f, c)
		if rareSetting(p.Kind, f, &x) {
			p.More = append(p.More, x)
		} else {
			p.Fields = append(p.Fields, x)
		}
	}
	return v.render(status, "channel-form", *p)
}

// rareSetting tells whether hardly anybody changes a setting, and nobody has: the server of a hosted service, and the topic of ntfy,
// which the URL has as well.
func rareSetting(kind *service.ChannelKind, f *service.ChannelField, x *settingField) bool {
	switch {
	case x.Error != "" || x.Value != "" && x.Value != f.Default:
		return false
	case kind.Name == "ntfy":
		return f.Name == "topic"
	}
	return f.Default != ""
}

// settingField is a field of the form.
func (v *visit) settingField(p *channelFormPage, f *service.ChannelField, c *cron.Channel) settingField {
	text, name := textOfSetting(p.Kind, f), settingPrefix+f.Name
	x := settingField{Choices: f.Choices, Secret: f.Secret, field: field{
		Name: name, ID: name, Label: p.labels.Label(text.label), Type: "text", Value: p.Form.Value(name), Error: p.Form.Error(name), MaxLength: cron.MaxChannelSetting,
		Optional: !f.Required, Autocomplete: "off",
	}}
	if text.hint != "" {
		x.Hint = p.labels.Label(text.hint, "usual", f.Default, "names", "{event}")
	}
	if f.IsURL() {
		x.Inputmode, x.Placeholder = "url", cmp.Or(kindTexts[p.Kind.Name].example, f.Default)
	}
	if f.Choices != nil && x.Value == "" {
		x.Value = f.Default
	}
	if c != nil && f.Secret && c.Settings[f.Name] != "" {
		x.Kept, x.Optional, x.Plain = c.Settings[f.Name], true, true
		x.Remove = !f.Required && !f.Generated
		x.Hint, x.Placeholder = p.labels.Label("channel-form.kept", "shown", x.Kept), ""
	}
	x.Generate = f.Generated && c != nil
	return x
}

// reminderSeconds are the times that people can choose.
var reminderSeconds = []int64{0, 1800, 3600, 4 * 3600, 12 * 3600, 24 * 3600, 7 * 24 * 3600}

// reminders are the choices, with that of the form.
func (p *channelFormPage) reminders() (list []reminderChoice) {
	seconds := slices.Clone(reminderSeconds)
	if own, err := strconv.ParseInt(p.Form.Value("reminder"), 10, 64); err == nil && own > 0 && !slices.Contains(seconds, own) {
		seconds = append(seconds, own)
		slices.Sort(seconds)
	}
	for _, n := range seconds {
		label := p.labels.Label("channel-form.no-reminder")
		if n > 0 {
			label = p.labels.Label("channel-form.reminder-after", "span", p.Duration(time.Duration(n)*time.Second))
		}
		list = append(list, reminderChoice{strconv.FormatInt(n, 10), label})
	}
	return list
}

// InFolder tells whether the form has chosen a folder.
func (p channelFormPage) InFolder(id int64) bool {
	return slices.Contains(p.Form.values["folder"], strconv.FormatInt(id, 10))
}

// channelFields are the fields of the form that belong to no kind, by their pointers.
var channelFields = map[string]string{
	"/title": "title", "/tags": "tags", "/folderIds": "folder", "/" + typedFolder: typedFolder, "/template": "template", "/language": "language", "/headers": "headers",
	"/reminderSeconds": "reminder", "/quietHours/from": "from", "/quietHours/to": "to", "/quietHours/timezone": "timezone",
}

// readChannel reads the form of a kind. c is the stored channel, whose secrets are kept where the form has none; nil for a new one.
func (v *visit) readChannel(kind *service.ChannelKind, c *cron.Channel) (*service.ChannelChange, error) {
	var check cron.Checker
	change := service.ChannelChange{Kind: kind.Name, Settings: map[string]string{}, Fields: []string{"/title", "/default", "/folderIds", "/tags",
		"/headers", "/template", "/language", "/reminderSeconds", "/quietHours"}}
	x := &change.Values
	x.Title, x.Default, x.Template, x.Language = v.form("title"), v.form("default") != "", v.template(), v.form("language")
	for tag := range strings.SplitSeq(v.form("tags"), ",") {
		if tag = strings.TrimSpace(tag); tag != "" {
			x.Tags = append(x.Tags, tag)
		}
	}
	if err := v.takeTypedFolder(v.r.PostForm, true, &check); err != nil {
		return &change, err
	}
	for _, id := range v.r.PostForm["folder"] {
		x.FolderIDs = append(x.FolderIDs, parseID(id))
	}
	x.Headers = headerLines(v.form("headers"), &check)
	if n, err := strconv.ParseInt(v.form("reminder"), 10, 32); err == nil {
		x.Reminder = time.Duration(n) * time.Second
	}
	v.readQuiet(x, &check)
	for i := range kind.Fields {
		f := &kind.Fields[i]
		value := strings.TrimSpace(v.form(settingPrefix + f.Name))
		if c != nil && f.Secret && value == "" && v.form(removePrefix+f.Name) == "" {
			value = c.Settings[f.Name] // what is shown of it, which keeps it
		}
		if f.Generated && v.form("generate") != "" {
			value = cron.GenerateSigningSecret
		}
		change.Settings[f.Name] = value
	}
	return &change, check.Err()
}

// template is the own wording. Browsers end its lines with CR and LF.
func (v *visit) template() string { return strings.ReplaceAll(v.form("template"), "\r\n", "\n") }

// headerLines reads headers, one a line.
func headerLines(text string, check *cron.Checker) (headers []cron.Header) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			check.Add("/headers", cron.Problem{Rule: cron.RuleHeaderName, Given: line})
		}
		headers = append(headers, cron.Header{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)})
	}
	return headers
}

// readQuiet reads the quiet hours. Without a beginning and an end there are none.
func (v *visit) readQuiet(c *cron.Channel, check *cron.Checker) {
	from, to := v.form("from"), v.form("to")
	if from == "" && to == "" {
		return
	}
	c.Timezone, c.QuietGrave = v.form("timezone"), v.form("grave") != ""
	for name, f := range map[string]struct {
		text   string
		minute *int
	}{"from": {from, &c.QuietFrom}, "to": {to, &c.QuietTo}} {
		at, err := time.Parse("15:04", f.text)
		switch {
		case f.text == "":
			check.Add("/quietHours/"+name, cron.Problem{Rule: cron.RuleMandatory})
		case err != nil:
			check.Add("/quietHours/"+name, cron.Problem{Rule: cron.RuleClock, Given: f.text})
		default:
			*f.minute = at.Hour()*60 + at.Minute()
		}
	}
}

// wrongChannel shows the form again with what is wrong.
func (v *visit) wrongChannel(err error, p *channelFormPage, c *cron.Channel) error {
	f, status, other := v.rejected(err)
	if other != nil {
		return other
	}
	e, _ := err.(*cron.Error)
	if e != nil && len(e.Problems) > 0 {
		f.Problem = ""
		for _, problem := range e.Problems {
			name, ok := channelFields[problem.Pointer]
			if setting, of := strings.CutPrefix(problem.Pointer, "/settings/"); of {
				name, ok = settingPrefix+setting, slices.ContainsFunc(p.Kind.Fields, func(f service.ChannelField) bool { return f.Name == setting })
			}
			switch sentence := v.catalogue.Problem(problem); {
			case !ok:
				f.Problem = sentence
			case f.errors[name] == "":
				f.errors[name] = sentence
			}
		}
	}
	f.values = formWithout(f.values, removePrefix)
	p.Form = f
	return v.channelForm(status, p, c)
}

// formWithout is a form without the fields whose names begin with a prefix.
func formWithout(values url.Values, prefix string) url.Values {
	kept := url.Values{}
	for name, list := range values {
		if !strings.HasPrefix(name, prefix) {
			kept[name] = list
		}
	}
	return kept
}

func createChannel(v *visit) error {
	kind, ok := service.FindChannelKind(v.form("kind"))
	if !ok {
		return v.redirect(pathChannels + "/new")
	}
	change, wrong := v.readChannel(kind, nil)
	c, secret, err := v.web.service.NewChannel(v.actor, change)
	if cron.KindOf(err) == cron.Forbidden {
		return err
	}
	if wrong != nil && cron.KindOf(wrong) != cron.Invalid {
		return wrong
	}
	if err = cron.JoinProblems(wrong, err); err == nil {
		err = v.web.service.AddChannel(v.ctx(), v.actor, &c)
	}
	if err != nil {
		return v.wrongChannel(err, &channelFormPage{Kind: kind}, nil)
	}
	return v.savedChannel(c.ID, secret, "channel-made")
}

func changeChannel(v *visit) error {
	id := v.pathID("id")
	c, err := v.web.service.Channel(v.ctx(), v.actor, id)
	if err != nil {
		return err
	}
	kind, ok := service.FindChannelKind(c.Kind)
	if !ok {
		return cron.Missing(cron.SubjectChannel)
	}
	change, err := v.readChannel(kind, &c)
	secret := ""
	if err == nil {
		secret, err = v.web.service.ChangeChannel(v.ctx(), v.actor, id, change)
	}
	if err != nil {
		return v.wrongChannel(err, &channelFormPage{ID: id, Kind: kind}, &c)
	}
	return v.savedChannel(id, secret, "saved")
}

// savedChannel goes on after a channel was saved: with a test if that was asked for, and with the signing secret that was made for it.
func (v *visit) savedChannel(id int64, secret, done string) error {
	test := v.form("then") == "test"
	switch {
	case secret == "" && test:
		return v.testThenShow(id)
	case secret == "":
		return v.after(channelPath(id), done)
	}
	p := channelPage{Secret: secret}
	if test {
		_, err := v.web.service.TestChannel(v.ctx(), v.actor, id)
		if p.Tested = err == nil; err != nil {
			f, _, err := v.rejected(err)
			if err != nil {
				return err
			}
			p.Problem = f.Problem
		}
	}
	return v.channelPage(http.StatusOK, id, p)
}
