package service

import (
	"context"
	"reflect"

	"punctual/internal/cron"
)

// Actions of the audit log. They are stored, and filters compare how they begin.
const (
	actJobCreate    = "job.create"
	actJobChange    = "job.change"
	actJobDelete    = "job.delete"
	actJobRestore   = "job.restore"
	actJobPurge     = "job.purge"
	actVersionSet   = "job.version.restore"
	actVersionDrop  = "job.version.forget"
	actJobRun       = "job.run"
	actHistoryRerun = "history.rerun"
	actRerunCancel  = "history.rerun.cancel"
	actTestStart    = "testrun.start"
	actFolderAdd    = "folder.create"
	actFolderName   = "folder.change"
	actFolderDrop   = "folder.delete"
	actFolderBack   = "folder.restore"
	actFolderPurge  = "folder.purge"
	actKeyCreate    = "key.create"
	actKeyDelete    = "key.delete"
	actTLSSet       = "tls.set"
	actTLSDelete    = "tls.delete"
	actSecretMake   = "secret.create"
	actSecretSet    = "secret.change"
	actSecretDrop   = "secret.delete"

	actMaintenanceAdd  = "maintenance.create"
	actMaintenanceSet  = "maintenance.change"
	actMaintenanceDrop = "maintenance.delete"
	actChannelMake     = "channel.create"
	actChannelSet      = "channel.change"
	actChannelDrop     = "channel.delete"
	actChannelMute     = "channel.mute"
	actChannelTest     = "channel.test"
	actChannelConfirm  = "channel.confirm"
	actChannelStop     = "channel.unsubscribe"
	actMessageAgain    = "notification.resend"

	actStatusPageAdd  = "statuspage.create"
	actStatusPageSet  = "statuspage.change"
	actStatusPageDrop = "statuspage.delete"
	actComponentSet   = "statuspage.component.state"
	actJobBadge       = "job.badge.renew"
	actPageBadges     = "statuspage.badges.renew"

	actSubscriberDrop   = "statuspage.subscriber.delete"
	actSubscriberExport = "statuspage.subscriber.export"

	actProblemAck     = "problem.acknowledge"
	actProblemSnooze  = "problem.snooze"
	actProblemResolve = "problem.resolve"
	actProblemNote    = "problem.note"

	actIncidentAdd    = "incident.create"
	actIncidentSet    = "incident.change"
	actIncidentUpdate = "incident.update"
	actIncidentEdit   = "incident.update.change"
	actIncidentDrop   = "incident.delete"
	actPlanAdd        = "page-maintenance.create"
	actPlanSet        = "page-maintenance.change"
	actPlanDrop       = "page-maintenance.delete"
	actDomainAdd      = "statuspage.domain.create"
	actDomainCheck    = "statuspage.domain.check"
	actDomainDrop     = "statuspage.domain.delete"

	actAccountMake = "account.create"
	actAccountSet  = "account.change"
	actAccountDrop = "account.delete"
	actAccountWill = "account.deletion.request"
	actAccountKeep = "account.deletion.cancel"
	actExport      = "account.export"

	actSignIn        = "sign-in"
	actFirstFactor   = "sign-in.first-factor"
	actSignInFailed  = "sign-in.failed"
	actConfirm       = "sign-in.confirm"
	actLoginLink     = "sign-in.link"
	actIdentityUse   = "sign-in.identity"
	actPasskeyUse    = "sign-in.passkey"
	actPasskeyCloned = "sign-in.passkey.cloned"
	actSessionEnd    = "session.end"
	actSessionsEnd   = "session.end-others"
	actPersonChange  = "person.change"
	actPersonDelete  = "person.delete"
	actPasswordSet   = "person.password"
	actEmailAsked    = "person.email.request"
	actTOTPSet       = "person.app.set"
	actTOTPDrop      = "person.app.delete"
	actRecovery      = "person.recovery-codes"
	actPasskeyAdd    = "person.passkey.create"
	actPasskeyName   = "person.passkey.change"
	actPasskeyDrop   = "person.passkey.delete"
	actIdentityLink  = "person.identity.create"
	actIdentityDrop  = "person.identity.delete"
	actMemberJoin    = "member.create"
	actMemberChange  = "member.change"
	actMemberRemove  = "member.delete"
	actMemberLeave   = "member.leave"
	actInvite        = "invitation.create"
	actInviteRevoke  = "invitation.delete"
	actKeyRotate     = "service.key"
	actNodeDrain     = "node.drain"
	actNodeResume    = "node.resume"
	actActionStart   = "action.start"
	actActionTry     = "action.dry-run"
	actActionUndo    = "action.undo"
	actActionCancel  = "action.cancel"
)

// Kinds of objects in the audit log. They are stored.
const (
	objectJob     = "job"
	objectHistory = "history"
	objectTestRun = "testrun"
	objectFolder  = "folder"
	objectKey     = "key"
	objectTLS     = "tls"
	objectSecret  = "secret"
	objectProblem = "problem"
	objectChannel = "channel"
	objectMessage = "notification"
	objectAccount = "account"

	objectMaintenance = "maintenance"
	objectStatusPage  = "statuspage"
	objectIncident    = "incident"
	objectPlan        = "page-maintenance"
	objectDomain      = "statuspage-domain"

	objectPerson     = "person"
	objectSession    = "session"
	objectInvitation = "invitation"
	objectService    = "service"
	objectNode       = "node"
	objectAction     = "action"
)

// Names of actors that are neither people nor keys. They are stored.
const (
	byCommand = "command line"
	byService = "the service"
	byLink    = "a link in a message"
)

// longestAuditTitle is how many characters of a title the log keeps.
const longestAuditTitle = 200

// audited runs do, which makes a change, and notes it in the audit log of the actor's account, all in one transaction. do
// may complete the entry, may run more than once, and does everything with the context that it is given.
func (s *Service) audited(ctx context.Context, actor *cron.Actor, e cron.AuditEntry, do func(ctx context.Context, e *cron.AuditEntry) error) error {
	sign(&e, actor)
	if e.PersonID != 0 && (e.Object == objectPerson || e.Object == objectSession) {
		if err := s.countPersonal(ctx, e.PersonID); err != nil {
			return err
		}
	}
	return s.store.Audited(ctx, &e, func(ctx context.Context) error { return do(ctx, &e) })
}

// note writes an entry of its own, within the transaction of ctx.
func (s *Service) note(ctx context.Context, actor *cron.Actor, e cron.AuditEntry) error {
	return s.audited(ctx, actor, e, func(context.Context, *cron.AuditEntry) error { return nil })
}

// sign says in an entry who acts and from where.
func sign(e *cron.AuditEntry, actor *cron.Actor) {
	if e.AccountID == 0 {
		e.AccountID = actor.Account.ID
	}
	author := authorOf(actor)
	e.Way, e.Actor, e.PersonID, e.KeyID = author.Way, author.Label, author.PersonID, author.KeyID
	if actor.Address.IsValid() {
		e.Address = actor.Address.String()
	}
	if actor.Session != nil {
		e.SessionID = actor.Session.ID
	}
	if letters := []rune(e.Title); len(letters) > longestAuditTitle {
		e.Title = string(letters[:longestAuditTitle]) + "…"
	}
}

// auditField is a value that the log names when it changes.
type auditField[T any] struct {
	pointer string
	value   func(*T) any
}

// changesOf names the values that differ.
func changesOf[T any](fields []auditField[T], before, after *T) (pointers []string) {
	for i := range fields {
		if f := &fields[i]; !reflect.DeepEqual(f.value(before), f.value(after)) {
			pointers = append(pointers, f.pointer)
		}
	}
	return pointers
}

// authorOf is who an actor is, for what keeps that.
func authorOf(actor *cron.Actor) cron.Author {
	author := cron.Author{Label: byService, Way: actor.Way}
	switch {
	case actor.Person != nil:
		author.Label, author.PersonID = actor.Person.Email, actor.Person.ID
	case actor.Key != nil:
		author.Label, author.KeyID = keyTitle(actor.Key), actor.Key.ID
	case actor.Operator:
		author.Label = byCommand
	}
	return author
}

// MaxAuditPage is the largest page of Audit.
const MaxAuditPage = 1000

// Audit reads a page of the audit log of the account, newest first; with f.All that of the service, which is for operators.
// next is the Before of the next page, and 0 at the end: a page may be short, or empty, although there is more.
func (s *Service) Audit(ctx context.Context, actor cron.Actor, f cron.AuditFilter, limit int) (list []cron.AuditEntry, next int64, err error) {
	use := UseAudit
	if f.All {
		use = UseAuditAll
	}
	if err := s.allow(&actor, use); err != nil {
		return nil, 0, err
	}
	f.AccountID = actor.Account.ID
	return s.store.Audit(ctx, f, min(limit, MaxAuditPage))
}
