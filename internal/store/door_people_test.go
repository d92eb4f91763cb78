package store_test

import (
	"context"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// people are two owners of an account who are operators, and what the first one has.
type people struct {
	first, second, session, invitation, passkey, view int64
}

func newPeople(t testing.TB, db *store.Store, account int64) (p people) {
	t.Helper()
	ctx := t.Context()
	for _, who := range []struct {
		email string
		id    *int64
	}{{"first@example.com", &p.first}, {"second@example.com", &p.second}} {
		person := cron.Person{Email: who.email, Operator: true}
		ok(t, db.CreatePerson(ctx, &person))
		ok(t, db.SetMembership(ctx, cron.Membership{PersonID: person.ID, AccountID: account, Role: cron.RoleOwner}))
		*who.id = person.ID
	}
	s := cron.Session{PersonID: p.first, AccountID: account, Hash: [32]byte{1}, Expires: db.Now().Add(time.Hour)}
	ok(t, db.CreateSession(ctx, &s))
	ok(t, db.CreateSession(ctx, &cron.Session{PersonID: p.first, Hash: [32]byte{2}, Expires: db.Now().Add(time.Hour)}))
	l := cron.Link{Kind: cron.LinkInvitation, AccountID: account, MadeBy: p.first, Email: "c@example.com", Role: cron.RoleOwner,
		Hash: [32]byte{1}}
	ok(t, db.CreateLink(ctx, &l))
	k := cron.Passkey{PersonID: p.first, CredentialID: []byte("credential"), Credential: []byte("{}")}
	ok(t, db.AddPasskey(ctx, &k))
	ok(t, db.LinkIdentity(ctx, cron.Identity{PersonID: p.first, Issuer: "issuer", Subject: "subject"}))
	ok(t, db.SetTOTP(ctx, p.first, []byte("secret")))
	ok(t, db.SetRecoveryCodes(ctx, p.first, [][32]byte{{1}, {2}}))
	v := cron.JobView{AccountID: account, PersonID: p.first, Title: "view"}
	ok(t, db.CreateView(ctx, &v))
	p.session, p.invitation, p.passkey, p.view = s.ID, l.ID, k.ID, v.ID
	return p
}

// writingPeople is what writing is for the methods about people.
var writingPeople = map[string]func(w *doorWorld, ctx context.Context, db *store.Store) error{
	"CreatePerson": func(_ *doorWorld, ctx context.Context, db *store.Store) error {
		return db.CreatePerson(ctx, &cron.Person{Email: "third@example.com"})
	},
	"UpdatePerson": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.UpdatePerson(ctx, w.people.first, func(p *cron.Person) error { p.Name = "other"; return nil })
	},
	"DeletePerson": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.DeletePerson(ctx, w.people.first)
		return err
	},
	"SetTOTP": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.SetTOTP(ctx, w.people.first, nil)
	},
	"UseTOTPStep": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.UseTOTPStep(ctx, w.people.first, 7)
	},
	"SetRecoveryCodes": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.SetRecoveryCodes(ctx, w.people.first, [][32]byte{{3}})
	},
	"UseRecoveryCode": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.UseRecoveryCode(ctx, w.people.first, [32]byte{1})
		return err
	},
	"SetMembership": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.SetMembership(ctx, cron.Membership{PersonID: w.people.first, AccountID: w.account, Role: cron.RoleViewer})
	},
	"RemoveMembership": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.RemoveMembership(ctx, w.account, w.people.first)
		return err
	},
	"CreateSession": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.CreateSession(ctx, &cron.Session{PersonID: w.people.first, Hash: [32]byte{3}})
	},
	"TouchSession": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.TouchSession(ctx, w.people.first, w.people.session, db.Now().Add(time.Hour))
	},
	"UpdateSession": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.UpdateSession(ctx, w.people.session, func(s *cron.Session) error { s.Hash = [32]byte{4}; return nil })
	},
	"LookAt": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.LookAt(ctx, w.people.first, w.people.session, w.account+1)
	},
	"EndSession": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.EndSession(ctx, w.people.first, w.people.session)
	},
	"EndSessions": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.EndSessions(ctx, w.people.first, w.people.session)
	},
	"CreateLink": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.CreateLink(ctx, &cron.Link{Kind: cron.LinkPassword, PersonID: w.people.first, Hash: [32]byte{2}})
	},
	"UseLink": func(_ *doorWorld, ctx context.Context, db *store.Store) error {
		return db.UseLink(ctx, [32]byte{1}, func(context.Context, cron.Link) error { return nil })
	},
	"DeleteLink": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.DeleteLink(ctx, w.account, w.people.invitation)
	},
	"CreateView": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.CreateView(ctx, &cron.JobView{AccountID: w.account, PersonID: w.people.first, Title: "new"})
	},
	"UpdateView": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.UpdateView(ctx, w.account, w.people.first, w.people.view, func(v *cron.JobView) error { v.Title = "other"; return nil })
	},
	"DeleteView": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.DeleteView(ctx, w.account, w.people.first, w.people.view)
	},
	"AddPasskey": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.AddPasskey(ctx, &cron.Passkey{PersonID: w.people.first, CredentialID: []byte("other"), Credential: []byte("{}")})
	},
	"UpdatePasskey": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.UpdatePasskey(ctx, w.people.first, w.people.passkey, func(k *cron.Passkey) error { k.Title = "other"; return nil })
	},
	"DeletePasskey": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.DeletePasskey(ctx, w.people.first, w.people.passkey)
	},
	"UseChallenge": func(_ *doorWorld, ctx context.Context, db *store.Store) error {
		return db.UseChallenge(ctx, [32]byte{1}, db.Now().Add(time.Hour))
	},
	"LinkIdentity": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.LinkIdentity(ctx, cron.Identity{PersonID: w.people.first, Issuer: "issuer", Subject: "other"})
	},
	"UnlinkIdentity": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.UnlinkIdentity(ctx, w.people.first, "issuer", "subject")
	},
}
