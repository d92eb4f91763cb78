package store

import (
	"context"
	"fmt"

	"punctual/internal/cron"
)

func identityColumns(i *cron.Identity) columns {
	return func(list *columnList) {
		list.add("issuer", text(&i.Issuer))
		list.add("subject", text(&i.Subject))
		list.add("person_id", integer(&i.PersonID))
		list.add("email", text(&i.Email))
		list.add("created_at", moment(&i.Created))
	}
}

var identityNames = names("identity", identityColumns(new(cron.Identity)))

// IdentityPerson finds the person whom an issuer knows as a subject; Missing when nobody is.
func (s *Store) IdentityPerson(ctx context.Context, issuer, subject string) (cron.Person, error) {
	return readPerson(ctx, s.read, `WHERE id = (SELECT person_id FROM identity WHERE issuer = $1 AND subject = $2)`,
		issuer, subject)
}

// LinkIdentity notes that an issuer knows a person as a subject. The error is of kind Conflict when that is another person,
// and of kind TooMany when the person has cron.MaxIdentities.
func (s *Store) LinkIdentity(ctx context.Context, i cron.Identity) error {
	if i.Created.IsZero() {
		i.Created = s.stamp()
	}
	return s.transact(ctx, ofPerson(i.PersonID), func(ctx context.Context, q queryer) error {
		if _, err := readPerson(ctx, q, `WHERE id = $1`+s.engine.lock(forUpdate), i.PersonID); err != nil {
			return err
		}
		// A row that exists is written again when it is of the same person, and otherwise left alone.
		res, err := q.ExecContext(ctx, `INSERT INTO identity (issuer, subject, person_id, email, created_at)
			VALUES ($1, $2, $3, $4, $5) ON CONFLICT (issuer, subject) DO UPDATE SET email = excluded.email
			WHERE identity.person_id = excluded.person_id`, values(nil, identityColumns(&i))...)
		if err := changedOne(res, err, cron.SubjectIdentity); cron.KindOf(err) == cron.NotFound {
			return &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectIdentity,
				Problems: []cron.Problem{{Rule: cron.RuleIdentityTaken}}}
		} else if err != nil {
			return fmt.Errorf("link the identity: %w", err)
		}
		return checkRoom(ctx, q, `SELECT count(*) FROM identity WHERE person_id = $1`, i.PersonID, cron.MaxIdentities+1,
			cron.SubjectIdentity)
	})
}

// Identities lists how issuers know a person, the oldest first.
func (s *Store) Identities(ctx context.Context, personID int64) ([]cron.Identity, error) {
	ctx, leave, err := s.enter(ctx, ofPerson(personID).account)
	if err != nil {
		return nil, err
	}
	defer leave()
	return collect(ctx, s.read, "list the identities", func(scan scanner, i *cron.Identity) error {
		return scan(targets(identityColumns(i))...)
	}, `SELECT `+identityNames+` FROM identity WHERE person_id = $1 ORDER BY created_at, issuer, subject`, personID)
}

// UnlinkIdentity removes that an issuer knows a person as a subject.
func (s *Store) UnlinkIdentity(ctx context.Context, personID int64, issuer, subject string) error {
	return s.transact(ctx, ofPerson(personID), func(ctx context.Context, q queryer) error {
		res, err := q.ExecContext(ctx, `DELETE FROM identity WHERE issuer = $1 AND subject = $2 AND person_id = $3`,
			issuer, subject, personID)
		return changedOne(res, err, cron.SubjectIdentity)
	})
}
