package web

import (
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// bulkForm is the sheet that asks for operations: the opposite of readBulk.
func bulkForm(operations []cron.Operation, zone *time.Location) form {
	f := newForm("keep", "local")
	headers, replaces := 0, 0
	for i := range operations {
		switch op := &operations[i]; op.Kind {
		case cron.OperationPatch:
			refillPatch(f, op.Patch, zone)
		case cron.OperationSetHeader, cron.OperationAddHeader, cron.OperationRemoveHeader:
			f.values.Set(rowName("header", headers), choiceOf(headerKinds, op.Kind))
			f.values.Set(rowName("header-name", headers), op.Name)
			f.values.Set(rowName("header-value", headers), op.Value)
			headers++
		case cron.OperationReplace:
			f.values.Set(rowName("in", replaces), choiceOf(replaceFields, op.Field))
			f.values.Set(rowName("find", replaces), op.Find)
			f.values.Set(rowName("replace", replaces), op.Replace)
			if op.Pattern {
				f.values.Set(rowName("pattern", replaces), "1")
			}
			replaces++
		case cron.OperationTimezone:
			f.values.Set("zone", op.Timezone)
			if op.Instants {
				f.values.Set("keep", "instants")
			}
		case cron.OperationShift:
			f.values.Set("shift", strconv.Itoa(op.Minutes))
		case cron.OperationAddTags, cron.OperationRemoveTags, cron.OperationSetTags:
			f.values.Set("tag-do", choiceOf(tagKinds, op.Kind))
			f.values.Set("tags", strings.Join(op.Tags, ", "))
			if op.Kind == cron.OperationSetTags && len(op.Tags) == 0 {
				f.values.Set("tag-do", "clear")
			}
		case cron.OperationMove:
			f.values.Set("folder", strconv.FormatInt(op.FolderID, 10))
		case cron.OperationEnable:
			f.values.Set("enabled", "on")
		case cron.OperationDisable:
			f.values.Set("enabled", "off")
		case cron.OperationDelete:
			f.values.Set("do", "delete")
		}
	}
	f.values.Set("headers", strconv.Itoa(headers))
	f.values.Set("replaces", strconv.Itoa(replaces))
	return f
}

// choiceOf is the name of a value in a table.
func choiceOf[T comparable](table map[string]T, value T) string {
	for name, v := range table {
		if v == value {
			return name
		}
	}
	return ""
}

// refillPatch fills in what a patch sets.
func refillPatch(f form, p *cron.JobPatch, zone *time.Location) {
	j := &p.Values
	seconds := func(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }
	for field, value := range map[string]string{
		"/schedule/spreadSeconds": seconds(j.Timing.Spread), "/requestTimeout": strconv.Itoa(j.Timeout),
		"/retry/count": strconv.Itoa(j.Policy.Retry.Count), "/retry/delaySeconds": seconds(j.Policy.Retry.Delay),
		"/retry/factor":         strconv.FormatFloat(j.Policy.Retry.Factor, 'f', -1, 64),
		"/retry/ceilingSeconds": seconds(j.Policy.Retry.Ceiling), "/pauseNote": j.Timing.PauseNote,
	} {
		if p.Sets(field) {
			f.values.Set(patchFields[field], value)
		}
	}
	if p.Sets("/schedule/minutes") {
		line, _ := j.Schedule.Crontab()
		if p.Sets("/schedule/timezone") {
			line = "CRON_TZ=" + j.Schedule.Timezone + " " + line
		}
		f.values.Set("schedule", line)
	}
	if p.Sets("/channelIds") {
		f.values.Set("channels", "account")
		if j.ChannelIDs != nil {
			f.values.Set("channels", "these")
		}
		for _, id := range j.ChannelIDs {
			f.values.Add("channel", strconv.FormatInt(id, 10))
		}
	}
	refillUntil(f, "pause", p.Sets("/pausedUntil"), j.Timing.PausedUntil, zone)
	refillUntil(f, "silence", p.Sets("/silencedUntil"), j.Notification.SilencedUntil, zone)
}

// refillUntil fills in until when jobs are paused or silenced.
func refillUntil(f form, name string, set bool, until time.Time, zone *time.Location) {
	switch {
	case !set:
	case until.IsZero():
		f.values.Set(name, "end")
	case until.Equal(cron.Forever):
		f.values.Set(name, "forever")
	default:
		f.values.Set(name, "until")
		f.values.Set(name+"-until", localTimeText(until, zone))
	}
}
