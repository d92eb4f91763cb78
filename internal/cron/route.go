package cron

import (
	"slices"
	"time"
)

// Route lists the channels that a notice goes to, in the order of channels, which are all of its account. It is a pure function.
//
//	a job that names channels   these, of which those that are gone count as not named; nobody when the list is empty
//	a rule of a channel         channels with the folder of the job or one of its tags
//	otherwise                   the default channels
//
// A channel that people have disabled gets nothing: its rules match nothing either. One that the service has stopped is listed, so
// that its messages say so. NoticeChannelOff goes to the other default channels, and to all others where there is none;
// NoticeAcknowledged to pagers.
func Route(n *Notice, channels []Channel) []*Channel {
	if n.Kind == NoticeChannelOff {
		others := func(c *Channel) bool { return c.ID != n.ChannelID && c.Stopped == ChannelOK }
		if list := enabledChannels(channels, func(c *Channel) bool { return others(c) && c.Default }); len(list) > 0 {
			return list
		}
		return enabledChannels(channels, others)
	}
	if n.Kind == NoticeAcknowledged {
		return enabledChannels(channels, func(c *Channel) bool { return TakesAcknowledgement(c.Kind) })
	}
	if n.ChannelIDs != nil {
		named := func(c *Channel) bool { return slices.Contains(n.ChannelIDs, c.ID) }
		if len(n.ChannelIDs) == 0 || slices.ContainsFunc(channels, func(c Channel) bool { return named(&c) }) {
			return enabledChannels(channels, named)
		}
	}
	if n.JobID != 0 {
		if list := enabledChannels(channels, func(c *Channel) bool { return c.matches(n) }); len(list) > 0 {
			return list
		}
	}
	return enabledChannels(channels, func(c *Channel) bool { return c.Default })
}

func enabledChannels(channels []Channel, of func(c *Channel) bool) (list []*Channel) {
	for i := range channels {
		if c := &channels[i]; c.Enabled && of(c) {
			list = append(list, c)
		}
	}
	return list
}

// matches reports whether a rule of the channel selects the job of a notice.
func (c *Channel) matches(n *Notice) bool {
	return slices.Contains(c.FolderIDs, n.FolderID) || slices.ContainsFunc(c.Tags, func(tag string) bool {
		return slices.ContainsFunc(n.Tags, func(of string) bool { return TagKey(of) == TagKey(tag) })
	})
}

// Mails reports whether messages of the channel are e-mails.
func (c *Channel) Mails() bool { return c.Kind == "email" || c.Kind == KindOwners }

// Muted reports whether nothing is told by the channel at the given time.
func (c *Channel) Muted(now time.Time) bool { return c.MutedForGood || now.Before(c.MutedUntil) }

// QuietUntil is when the quiet hours end that now lies in; zero when it lies in none. They follow the clock of the channel's time
// zone.
func (c *Channel) QuietUntil(now time.Time) time.Time {
	if c.QuietFrom == c.QuietTo {
		return time.Time{}
	}
	zone, err := LoadZone(c.Timezone)
	if err != nil {
		zone = time.UTC
	}
	local := now.In(zone)
	minute := local.Hour()*60 + local.Minute()
	day := local.Day()
	switch {
	case c.QuietFrom < c.QuietTo && c.QuietFrom <= minute && minute < c.QuietTo:
	case c.QuietFrom > c.QuietTo && minute < c.QuietTo:
	case c.QuietFrom > c.QuietTo && c.QuietFrom <= minute:
		day++
	default:
		return time.Time{}
	}
	end := time.Date(local.Year(), local.Month(), day, c.QuietTo/60, c.QuietTo%60, 0, 0, zone)
	for !end.After(now) { // the clock is set back, and the first of two equal times is over
		end = end.Add(time.Hour)
	}
	return end.UTC()
}

// Held is until when a message of a kind waits for the end of the channel's quiet hours; zero when it does not. Where grave ones do not
// wait, recoveries do not either: otherwise one would be told after the failure that followed it.
func (c *Channel) Held(k NoticeKind, now time.Time) time.Time {
	if c.QuietGrave && (k.Grave() || k == NoticeSuccess || k == NoticeAcknowledged) {
		return time.Time{}
	}
	return c.QuietUntil(now)
}

// Grave reports whether a notice of the kind is told in quiet hours by a channel with QuietGrave.
func (k NoticeKind) Grave() bool { return noticeWeights[k] >= weightGrave }

// weightGrave is the weight of kinds that are grave.
const weightGrave = 10

// noticeWeights order the kinds: a message of several notices is of the kind of the heaviest.
var noticeWeights = map[NoticeKind]int{
	NoticeTest: 0, NoticeSuccess: 1, NoticeAcknowledged: 2, NoticeReminder: 3, NoticeOwnExpiry: 4, NoticeCertExpiry: 5, NoticeChannels: 6, NoticeChannelOff: 7, NoticeBackup: 8,
	NoticeMissed: 10, NoticeBehind: 11, NoticeDisk: 12, NoticeNodeGone: 13, NoticeFailure: 14, NoticeDisabled: 15,
}

// Gravest is the heavier one of two kinds.
func (k NoticeKind) Gravest(other NoticeKind) NoticeKind {
	if noticeWeights[other] > noticeWeights[k] {
		return other
	}
	return k
}

// OfFailures reports whether notices of the kind tell that a job fails, so that somebody may have taken care of the problem.
func (k NoticeKind) OfFailures() bool { return k == NoticeFailure || k == NoticeMissed }
