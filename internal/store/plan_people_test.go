package store_test

import (
	"context"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// runPeople calls everything of the store that people do.
func runPeople(t testing.TB, db *store.Store, account int64) {
	t.Helper()
	ctx := t.Context()
	p := newPeople(t, db, account)
	k := cron.APIKey{AccountID: account, MadeBy: p.first, Role: cron.RoleOwner, Hash: [32]byte{9}}
	ok(t, db.CreateAPIKey(ctx, &k))
	_, _, err := db.APIKeyByHash(ctx, k.Hash)
	ok(t, err)
	_, err = db.APIKeys(ctx, account)
	ok(t, err)
	_, err = db.Person(ctx, p.first)
	ok(t, err)
	_, err = db.PersonByEmail(ctx, "first@example.com")
	ok(t, err)
	_, err = db.HasOperator(ctx)
	ok(t, err)
	ok(t, db.UpdatePerson(ctx, p.first, func(p *cron.Person) error { p.Email = "third@example.com"; return nil }))
	_, _, err = db.TOTP(ctx, p.first)
	ok(t, err)
	ok(t, db.UseTOTPStep(ctx, p.first, 7))
	_, err = db.UseRecoveryCode(ctx, p.first, [32]byte{1})
	ok(t, err)
	_, err = db.Memberships(ctx, account)
	ok(t, err)
	_, err = db.MembershipsOf(ctx, p.first)
	ok(t, err)
	_, err = db.Membership(ctx, account, p.first)
	ok(t, err)
	_, _, _, _, err = db.SessionByHash(ctx, [32]byte{1})
	ok(t, err)
	ok(t, db.TouchSession(ctx, p.first, p.session, db.Now()))
	ok(t, db.UpdateSession(ctx, p.session, func(s *cron.Session) error { s.SignedIn = db.Now(); return nil }))
	ok(t, db.LookAt(ctx, p.first, p.session, account))
	_, err = db.Sessions(ctx, p.first)
	ok(t, err)
	ok(t, db.EndSessions(ctx, p.first, p.session))
	ok(t, db.EndSession(ctx, p.first, p.session))
	for i, l := range []cron.Link{
		{Kind: cron.LinkPassword, PersonID: p.first},
		{Kind: cron.LinkSetup},
		{Kind: cron.LinkSignUp, Email: "new@example.com"},
		{Kind: cron.LinkInvitation, AccountID: account, Email: "new@example.com"},
	} {
		l.Hash = [32]byte{byte(i), 1}
		ok(t, db.CreateLink(ctx, &l))
		_, err = db.LinkByHash(ctx, l.Hash)
		ok(t, err)
		ok(t, db.UseLink(ctx, l.Hash, func(context.Context, cron.Link) error { return nil }))
	}
	_, err = db.Invitations(ctx, account)
	ok(t, err)
	ok(t, db.DeleteLink(ctx, account, p.invitation))
	_, err = db.Passkeys(ctx, p.first)
	ok(t, err)
	_, err = db.PasskeyByCredential(ctx, []byte("credential"))
	ok(t, err)
	ok(t, db.UpdatePasskey(ctx, p.first, p.passkey, func(k *cron.Passkey) error { k.Title = "other"; return nil }))
	ok(t, db.DeletePasskey(ctx, p.first, p.passkey))
	ok(t, db.UseChallenge(ctx, [32]byte{1}, db.Now().Add(time.Hour)))
	_, err = db.IdentityPerson(ctx, "issuer", "subject")
	ok(t, err)
	_, err = db.Identities(ctx, p.first)
	ok(t, err)
	ok(t, db.UnlinkIdentity(ctx, p.first, "issuer", "subject"))
	readAudit(t, db, account)
	_, err = db.RemoveMembership(ctx, account, p.first)
	ok(t, err)
	_, err = db.DeletePerson(ctx, p.first)
	ok(t, err)
	_, err = db.Maintain(ctx)
	ok(t, err)
}

// readAudit reads pages of the audit log with all kinds of filters.
func readAudit(t testing.TB, db *store.Store, account int64) {
	t.Helper()
	e := cron.AuditEntry{AccountID: account}
	ok(t, db.Audited(t.Context(), &e, nil))
	for _, f := range []cron.AuditFilter{
		{},
		{From: db.Now().Add(-time.Hour), To: db.Now()},
		{PersonID: 3, KeyID: 4, Action: "job.", Object: "job", ObjectID: 5},
		{Before: e.ID},
	} {
		for _, all := range []bool{false, true} {
			f.AccountID, f.All = account, all
			_, _, err := db.Audit(t.Context(), f, 10)
			ok(t, err)
		}
	}
}
