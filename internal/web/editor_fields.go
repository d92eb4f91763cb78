package web

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// textPart is a part of one field that is a text.
func textPart(key, field, name string, of func(*cron.Job) *string) part {
	return part{
		key: key, fields: []string{field}, names: []string{name},
		show:  func(f url.Values, job *cron.Job, _ *time.Location) { f.Set(name, *of(job)) },
		read:  func(r *reading, job *cron.Job) { *of(job) = r.text(name) },
		words: func(_ *wording, job *cron.Job) string { return *of(job) },
	}
}

// boxPart is a part of one field that is on or off.
func boxPart(key, field, name string, of func(*cron.Job) *bool) part {
	return part{
		key: key, fields: []string{field}, boxes: []string{name},
		show:  func(f url.Values, job *cron.Job, _ *time.Location) { setBox(f, name, *of(job)) },
		read:  func(r *reading, job *cron.Job) { *of(job) = r.box(name) },
		words: func(w *wording, job *cron.Job) string { return w.onOff(*of(job)) },
	}
}

func setBox(f url.Values, name string, on bool) {
	if on {
		f.Set(name, "1")
	}
}

// choicePart is a part of one field that is one of some choices, by their numbers.
func choicePart[T ~int](key, field, name string, of func(*cron.Job) *T, labels ...string) part {
	return part{
		key: key, fields: []string{field}, names: []string{name},
		show: func(f url.Values, job *cron.Job, _ *time.Location) { f.Set(name, strconv.Itoa(int(*of(job)))) },
		read: func(r *reading, job *cron.Job) {
			n, err := strconv.Atoi(r.text(name))
			if err != nil {
				r.wrong(name, cron.Problem{Rule: cron.RuleUnknownValue, Given: r.text(name)})
			}
			*of(job) = T(n)
		},
		words: func(w *wording, job *cron.Job) string {
			if n := int(*of(job)); n >= 0 && n < len(labels) {
				return w.t(labels[n])
			}
			return ""
		},
	}
}

// numberPart is a part of one field that is a whole number; an empty control is the number none.
func numberPart(key, field, name string, none int, of func(*cron.Job) *int) part {
	return part{
		key: key, fields: []string{field}, names: []string{name},
		show: func(f url.Values, job *cron.Job, _ *time.Location) { f.Set(name, strconv.Itoa(*of(job))) },
		read: func(r *reading, job *cron.Job) { *of(job) = r.number(name, none) },
		words: func(_ *wording, job *cron.Job) string {
			return strconv.Itoa(*of(job))
		},
	}
}

// number is the whole number that a control holds.
func (r *reading) number(name string, none int) int {
	text := strings.TrimSpace(r.text(name))
	if text == "" {
		return none
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		r.wrong(name, cron.Problem{Rule: cron.RuleWrongType, Want: "integer"})
	}
	return int(n)
}

// durationUnits are the units of durations, the largest first.
var durationUnits = []struct {
	name string
	of   time.Duration
}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}

// unitOf is the control with the unit of a duration.
func unitOf(name string) string { return name + "Unit" }

// durationPart is a part of one field that is a duration; an empty control is none.
func durationPart(key, field, name string, none time.Duration, of func(*cron.Job) *time.Duration) part {
	return part{
		key: key, fields: []string{field}, names: []string{name, unitOf(name)},
		show: func(f url.Values, job *cron.Job, _ *time.Location) { showDuration(f, name, *of(job), none) },
		read: func(r *reading, job *cron.Job) { *of(job) = r.duration(name, none) },
		words: func(w *wording, job *cron.Job) string {
			if *of(job) < 0 {
				return w.t("editor.default")
			}
			return w.duration(*of(job))
		},
	}
}

// showDuration shows a duration in the largest unit of which it is a whole number.
func showDuration(f url.Values, name string, d, none time.Duration) {
	f.Set(unitOf(name), "s")
	if d == none && none < 0 {
		f.Set(name, "")
		return
	}
	f.Set(name, strconv.FormatInt(int64(d/time.Second), 10))
	for _, unit := range durationUnits {
		if d > 0 && d%unit.of == 0 {
			f.Set(name, strconv.FormatInt(int64(d/unit.of), 10))
			f.Set(unitOf(name), unit.name)
			return
		}
	}
}

// duration is the duration that a control and that of its unit hold.
func (r *reading) duration(name string, none time.Duration) time.Duration {
	text := strings.TrimSpace(r.text(name))
	if text == "" {
		return none
	}
	n, err := strconv.ParseInt(text, 10, 32) // so that no unit leads to an overflow
	if err != nil {
		r.wrong(name, cron.Problem{Rule: cron.RuleWrongType, Want: "integer"})
		return 0
	}
	for _, unit := range durationUnits {
		if unit.name == r.text(unitOf(name)) {
			return time.Duration(n) * unit.of
		}
	}
	r.wrong(name, cron.Problem{Rule: cron.RuleUnknownValue, Given: r.text(unitOf(name))})
	return 0
}

// The layouts of local times.
const (
	localMinute = "2006-01-02T15:04"
	localSecond = "2006-01-02T15:04:05"
)

// localText is a local time as controls have it.
func localText(at time.Time) string {
	if at.Second() == 0 {
		return at.Format(localMinute)
	}
	return at.Format(localSecond)
}

// local reads a local time; an empty control is zero.
func (r *reading) local(name string, zone *time.Location) time.Time {
	text := strings.TrimSpace(r.text(name))
	if text == "" {
		return time.Time{}
	}
	for _, layout := range [...]string{localMinute, localSecond} {
		if at, err := time.ParseInLocation(layout, text, zone); err == nil && at.Year() <= 9999 {
			return at
		}
	}
	r.wrong(name, cron.Problem{Rule: cron.RuleLocalTime, Given: text})
	return time.Time{}
}

// whatParts are the parts of the section What.
var whatParts = []part{
	{
		key: "url", fields: []string{"/url"}, names: []string{"url"},
		show:  func(f url.Values, job *cron.Job, _ *time.Location) { f.Set("url", cron.MaskURL(job.Request.URL)) },
		read:  func(r *reading, job *cron.Job) { job.Request.URL = r.url() },
		words: func(_ *wording, job *cron.Job) string { return cron.MaskURL(job.Request.URL) },
	},
	textPart("title", "/title", "jobTitle", func(j *cron.Job) *string { return &j.Title }),
	boxPart("enabled", "/enabled", "enabled", func(j *cron.Job) *bool { return &j.Enabled }),
	{
		key: "folder", fields: []string{"/folderId"}, names: []string{"folder"}, boxes: []string{"folderTitle", "folderTitleWas"},
		canon: func(f url.Values) string {
			if typed := f.Get("folderTitle"); typed != f.Get("folderTitleWas") {
				return "title " + typed
			}
			return f.Get("folder")
		},
		show: func(f url.Values, job *cron.Job, _ *time.Location) {
			f.Set("folder", strconv.FormatInt(job.FolderID, 10))
		},
		read: func(r *reading, job *cron.Job) { job.FolderID = r.folder() },
		words: func(w *wording, job *cron.Job) string {
			return w.folder(job.FolderID)
		},
	},
	{
		key: "tags", fields: []string{"/tags"}, names: []string{"tags"},
		show: func(f url.Values, job *cron.Job, _ *time.Location) { f.Set("tags", strings.Join(job.Tags, ", ")) },
		read: func(r *reading, job *cron.Job) {
			job.Tags = nil
			for tag := range strings.SplitSeq(r.text("tags"), ",") {
				if tag = strings.TrimSpace(tag); tag != "" {
					job.Tags = append(job.Tags, tag)
				}
			}
		},
		words: func(_ *wording, job *cron.Job) string { return strings.Join(job.Tags, ", ") },
	},
	textPart("description", "/description", "description", func(j *cron.Job) *string { return &j.Description }),
}

// folder is the folder that was chosen, or that has the title that was typed where a page shows no list of them.
func (r *reading) folder() int64 {
	title := strings.TrimSpace(r.text("folderTitle"))
	if r.text("folderTitle") == r.text("folderTitleWas") {
		id, err := strconv.ParseInt(r.text("folder"), 10, 64)
		if err != nil {
			r.wrong("folder", cron.Problem{Rule: cron.RuleUnknownFolder, Given: r.text("folder")})
		}
		return id
	}
	if title == "" {
		return 0
	}
	for _, f := range r.folders {
		if strings.EqualFold(f.Title, title) {
			return f.ID
		}
	}
	r.wrong("folder", cron.Problem{Rule: cron.RuleUnknownFolder, Given: title})
	return 0
}

// url is the URL that was typed. Where it still has what was shown in place of credentials, it has the former ones, but only for the
// host for which they were given.
func (r *reading) url() string {
	typed, former := r.text("url"), r.base.Request.URL
	if typed == cron.MaskURL(former) {
		return former
	}
	if _, has := cron.WithoutUser(typed); !has || cron.MaskURL(typed) != typed {
		return typed
	}
	masked := cron.MaskURL(former)
	shown := masked[:len(masked)-len(afterUser(masked))]
	sameHost := cron.TargetHost(typed) == cron.TargetHost(former)
	if _, had := cron.WithoutUser(former); had && sameHost && strings.HasPrefix(typed, shown) {
		return former[:len(former)-len(afterUser(former))] + typed[len(shown):]
	}
	r.say("url", "editor.masked")
	return typed
}

// afterUser is what follows the credentials of a URL that has some.
func afterUser(text string) string {
	_, rest, _ := strings.Cut(text, "://")
	authority := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority = rest[:i]
	}
	return rest[strings.LastIndexByte(authority, '@')+1:]
}
