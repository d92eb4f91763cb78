package store

import (
	"context"
	"fmt"
	"time"

	"punctual/internal/cron"
)

func passkeyColumns(k *cron.Passkey) columns {
	return func(list *columnList) {
		list.add("person_id", integer(&k.PersonID))
		list.add("credential_id", blob(&k.CredentialID))
		list.add("credential", blob(&k.Credential))
		list.add("title", text(&k.Title))
		list.add("created_at", moment(&k.Created))
		list.add("last_used_at", moment(&k.LastUsed))
	}
}

var (
	passkeyNames  = `passkey.id, ` + names("passkey", passkeyColumns(new(cron.Passkey)))
	passkeyInsert = insertRow("passkey", passkeyColumns(new(cron.Passkey)))
)

func passkeyTargets(k *cron.Passkey) []any {
	return append([]any{integer(&k.ID)}, targets(passkeyColumns(k))...)
}

// AddPasskey adds a passkey of a person and sets its ID. The error is of kind TooMany when the person has cron.MaxPasskeys,
// and of kind Conflict when the credential is registered already.
func (s *Store) AddPasskey(ctx context.Context, k *cron.Passkey) error {
	if k.Created.IsZero() {
		k.Created = s.stamp()
	}
	return s.transact(ctx, ofPerson(k.PersonID), func(ctx context.Context, q queryer) error {
		if _, err := readPerson(ctx, q, `WHERE id = $1`+s.engine.lock(forUpdate), k.PersonID); err != nil {
			return err
		}
		err := checkRoom(ctx, q, `SELECT count(*) FROM passkey WHERE person_id = $1`, k.PersonID, cron.MaxPasskeys,
			cron.SubjectPasskey)
		if err != nil {
			return err
		}
		var taken bool
		err = q.QueryRowContext(ctx, `SELECT count(*) > 0 FROM passkey WHERE credential_id = $1`, k.CredentialID).Scan(flag(&taken))
		if err == nil && !taken {
			err = q.QueryRowContext(ctx, passkeyInsert, values(nil, passkeyColumns(k))...).Scan(&k.ID)
		}
		if taken || s.engine.duplicate(err) {
			return &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectPasskey}
		}
		if err != nil {
			return fmt.Errorf("add the passkey: %w", err)
		}
		return nil
	})
}

// Passkeys lists the passkeys of a person, the oldest first.
func (s *Store) Passkeys(ctx context.Context, personID int64) ([]cron.Passkey, error) {
	ctx, leave, err := s.enter(ctx, ofPerson(personID).account)
	if err != nil {
		return nil, err
	}
	defer leave()
	return collect(ctx, s.read, "list the passkeys", func(scan scanner, k *cron.Passkey) error {
		return scan(passkeyTargets(k)...)
	}, `SELECT `+passkeyNames+` FROM passkey WHERE person_id = $1 ORDER BY id`, personID)
}

// PasskeyByCredential finds a passkey by the id of its credential; Missing when there is none.
func (s *Store) PasskeyByCredential(ctx context.Context, credentialID []byte) (cron.Passkey, error) {
	var k cron.Passkey
	err := s.read.QueryRowContext(ctx, `SELECT `+passkeyNames+` FROM passkey WHERE credential_id = $1`, credentialID).Scan(
		passkeyTargets(&k)...)
	return k, oneRow(err, cron.SubjectPasskey)
}

// UpdatePasskey lets change edit a passkey of a person, and writes its credential, its title and when it was used. The row
// is locked meanwhile. change runs within the transaction, may run more than once, and does no more than set fields; its
// error changes nothing and is returned as it is.
func (s *Store) UpdatePasskey(ctx context.Context, personID, id int64, change func(*cron.Passkey) error) error {
	return s.transact(ctx, ofPerson(personID), func(ctx context.Context, q queryer) error {
		var k cron.Passkey
		err := q.QueryRowContext(ctx, `SELECT `+passkeyNames+` FROM passkey WHERE id = $1 AND person_id = $2`+
			s.engine.lock(forUpdate), id, personID).Scan(passkeyTargets(&k)...)
		if err != nil {
			return oneRow(err, cron.SubjectPasskey)
		}
		if err := change(&k); err != nil {
			return err
		}
		_, err = q.ExecContext(ctx, `UPDATE passkey SET credential = $2, title = $3, last_used_at = $4 WHERE id = $1`,
			id, k.Credential, k.Title, millis(k.LastUsed))
		if err != nil {
			return fmt.Errorf("change the passkey: %w", err)
		}
		return nil
	})
}

// DeletePasskey removes a passkey of a person.
func (s *Store) DeletePasskey(ctx context.Context, personID, id int64) error {
	return s.transact(ctx, ofPerson(personID), func(ctx context.Context, q queryer) error {
		res, err := q.ExecContext(ctx, `DELETE FROM passkey WHERE id = $1 AND person_id = $2`, id, personID)
		return changedOne(res, err, cron.SubjectPasskey)
	})
}

// UseChallenge notes that a challenge, which is no longer accepted after an instant, was answered; Conflict when it was
// before.
func (s *Store) UseChallenge(ctx context.Context, hash [32]byte, expires time.Time) error {
	return s.transact(ctx, ofAccount(0), func(ctx context.Context, q queryer) error {
		// On PostgreSQL this waits for another transaction that answers the same one.
		res, err := q.ExecContext(ctx, `INSERT INTO used_challenge (hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
			hash[:], millis(expires))
		if err := changedOne(res, err, cron.SubjectPasskey); cron.KindOf(err) == cron.NotFound {
			return &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectPasskey,
				Problems: []cron.Problem{{Rule: cron.RuleChallengeUsed}}}
		} else if err != nil {
			return fmt.Errorf("use a challenge: %w", err)
		}
		return nil
	})
}

// pruneChallenges removes a chunk of the challenges that are no longer accepted anyway.
func (s *Store) pruneChallenges(ctx context.Context) (more bool, err error) {
	return s.prune(ctx, "remove used challenges", `DELETE FROM used_challenge WHERE hash IN
		(SELECT hash FROM used_challenge WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)`, millis(s.Now()))
}
