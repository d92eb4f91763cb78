package store

import (
	"context"
	"fmt"
	"time"

	"punctual/internal/cron"
)

// sessionKey lists the columns that never change.
func sessionKey(s *cron.Session) columns {
	return func(list *columnList) {
		list.add("person_id", integer(&s.PersonID))
		list.add("created_at", moment(&s.Created))
		list.add("console", flag(&s.Console))
	}
}

func sessionColumns(s *cron.Session) columns {
	return func(list *columnList) {
		list.add("hash", hashed(&s.Hash))
		list.add("account_id", integer(&s.AccountID))
		list.add("way", text(&s.Way))
		list.add("second", flag(&s.Second))
		list.add("signed_in_at", moment(&s.SignedIn))
		list.add("last_seen_at", moment(&s.LastSeen))
		list.add("expires_at", moment(&s.Expires))
		list.add("address", text(&s.Address))
		list.add("user_agent", text(&s.UserAgent))
	}
}

var (
	sessionNames  = `session.id, ` + names("session", sessionKey(new(cron.Session)), sessionColumns(new(cron.Session)))
	sessionUpdate = updateRow("session", sessionColumns(new(cron.Session)))
	sessionInsert = insertRow("session", func(list *columnList) {
		sessionKey(new(cron.Session))(list)
		sessionColumns(new(cron.Session))(list)
	})
)

func sessionTargets(s *cron.Session) []any {
	return append([]any{integer(&s.ID)}, targets(sessionKey(s), sessionColumns(s))...)
}

// CreateSession adds a session of a person and sets its ID. When the person has more than cron.MaxSessions, or as many
// whose second factor is missing, the oldest one ends. It counts as a sign-in of the person unless the second factor is missing.
func (s *Store) CreateSession(ctx context.Context, session *cron.Session) error {
	now := s.stamp()
	for _, at := range []*time.Time{&session.Created, &session.SignedIn, &session.LastSeen} {
		if at.IsZero() {
			*at = now
		}
	}
	session.UserAgent = storable(session.UserAgent)
	return s.transact(ctx, ofPerson(session.PersonID), func(ctx context.Context, q queryer) error {
		if _, err := readPerson(ctx, q, `WHERE id = $1`+s.engine.lock(forUpdate), session.PersonID); err != nil {
			return err
		}
		err := q.QueryRowContext(ctx, sessionInsert, values(nil, sessionKey(session), sessionColumns(session))...).Scan(&session.ID)
		if err != nil {
			return fmt.Errorf("create the session: %w", err)
		}
		if err := endOldest(ctx, q, session); err != nil {
			return err
		}
		return noteSignIn(ctx, q, session)
	})
}

// endOldest ends the oldest sessions of a person beyond cron.MaxSessions. Those whose second factor is missing count apart:
// whoever knows the password only does not end what the person has signed in to.
func endOldest(ctx context.Context, q queryer, session *cron.Session) error {
	_, err := q.ExecContext(ctx, `DELETE FROM session WHERE id IN
		(SELECT id FROM session WHERE person_id = $1 AND second = $4 ORDER BY id DESC LIMIT $2 OFFSET $3)`,
		session.PersonID, pruneChunk, cron.MaxSessions, session.Second)
	if err != nil {
		return fmt.Errorf("end the oldest session: %w", err)
	}
	return nil
}

// noteSignIn writes when a person signed in, unless the second factor is missing.
func noteSignIn(ctx context.Context, q queryer, session *cron.Session) error {
	if session.Second {
		return nil
	}
	_, err := q.ExecContext(ctx, `UPDATE person SET last_sign_in_at = $2 WHERE id = $1 AND last_sign_in_at < $2`,
		session.PersonID, millis(session.SignedIn))
	if err != nil {
		return fmt.Errorf("note the sign-in: %w", err)
	}
	return nil
}

// SessionByHash finds a session and its person, whether or not it has expired or the person is disabled; Missing when there
// is none. The account is the one that the session looks at, with the role of the person in it: none of both when the
// person is not a member of it.
func (s *Store) SessionByHash(ctx context.Context, hash [32]byte) (
	session cron.Session, person cron.Person, account cron.Account, role cron.Role, err error) {
	var row accountRow
	fields := append(sessionTargets(&session), personTargets(&person)...)
	fields = append(append(fields, integer(&role)), optional(row.key, row.columns)...)
	err = s.read.QueryRowContext(ctx, `SELECT `+sessionNames+`, `+personNames+`, membership.role, `+accountNames+`
		FROM session JOIN person ON person.id = session.person_id
		LEFT JOIN membership ON membership.account_id = session.account_id AND membership.person_id = session.person_id
		LEFT JOIN account ON account.id = membership.account_id
		WHERE session.hash = $1`, hash[:]).Scan(fields...)
	if err != nil {
		return cron.Session{}, cron.Person{}, cron.Account{}, cron.RoleNone, oneRow(err, cron.SubjectSession)
	}
	return session, person, row.read(), role, nil
}

// TouchSession notes that a session of a person was used at an instant.
func (s *Store) TouchSession(ctx context.Context, personID, id int64, at time.Time) error {
	err := s.transact(ctx, ofPerson(personID), func(ctx context.Context, q queryer) error {
		_, err := q.ExecContext(ctx, `UPDATE session SET last_seen_at = $3 WHERE id = $1 AND person_id = $2 AND last_seen_at < $3`,
			id, personID, millis(at))
		return err
	})
	if err != nil {
		return fmt.Errorf("note the use of a session: %w", err)
	}
	return nil
}

// UpdateSession lets change edit a session, and writes all fields but ID, PersonID, Console and Created. Another hash
// replaces the token. The row is locked meanwhile. change runs within the transaction, may run more than once, and
// does no more than set fields; its error changes nothing and is returned as it is.
func (s *Store) UpdateSession(ctx context.Context, id int64, change func(*cron.Session) error) error {
	return s.transact(ctx, ofAccount(0), func(ctx context.Context, q queryer) error {
		var session cron.Session
		err := q.QueryRowContext(ctx, `SELECT `+sessionNames+` FROM session WHERE id = $1`+s.engine.lock(forUpdate), id).Scan(
			sessionTargets(&session)...)
		if err != nil {
			return oneRow(err, cron.SubjectSession)
		}
		signedIn, second := session.SignedIn, session.Second
		if err := change(&session); err != nil {
			return err
		}
		session.UserAgent = storable(session.UserAgent)
		if _, err := q.ExecContext(ctx, sessionUpdate, values([]any{id}, sessionColumns(&session))...); err != nil {
			return fmt.Errorf("change the session: %w", err)
		}
		if session.SignedIn.Equal(signedIn) && session.Second == second {
			return nil
		}
		if second && !session.Second {
			if err := endOldest(ctx, q, &session); err != nil {
				return err
			}
		}
		return noteSignIn(ctx, q, &session)
	})
}

// LookAt has a session of a person look at an account; 0 for none.
func (s *Store) LookAt(ctx context.Context, personID, id, accountID int64) error {
	return s.transact(ctx, ofPerson(personID), func(ctx context.Context, q queryer) error {
		res, err := q.ExecContext(ctx, `UPDATE session SET account_id = $3 WHERE id = $1 AND person_id = $2`, id, personID, accountID)
		return changedOne(res, err, cron.SubjectSession)
	})
}

// Sessions lists the sessions of a person that have not ended, the newest first.
func (s *Store) Sessions(ctx context.Context, personID int64) ([]cron.Session, error) {
	ctx, leave, err := s.enter(ctx, ofPerson(personID).account)
	if err != nil {
		return nil, err
	}
	defer leave()
	return collect(ctx, s.read, "list the sessions", func(scan scanner, session *cron.Session) error {
		return scan(sessionTargets(session)...)
	}, `SELECT `+sessionNames+` FROM session WHERE person_id = $1 AND expires_at > $2 ORDER BY id DESC`, personID, millis(s.Now()))
}

// EndSession ends a session of a person.
func (s *Store) EndSession(ctx context.Context, personID, id int64) error {
	return s.transact(ctx, ofPerson(personID), func(ctx context.Context, q queryer) error {
		res, err := q.ExecContext(ctx, `DELETE FROM session WHERE id = $1 AND person_id = $2`, id, personID)
		return changedOne(res, err, cron.SubjectSession)
	})
}

// EndSessions ends all sessions of a person but one; 0 leaves none.
func (s *Store) EndSessions(ctx context.Context, personID, except int64) error {
	err := s.transact(ctx, ofPerson(personID), func(ctx context.Context, q queryer) error {
		_, err := q.ExecContext(ctx, `DELETE FROM session WHERE person_id = $1 AND id <> $2`, personID, except)
		return err
	})
	if err != nil {
		return fmt.Errorf("end the sessions: %w", err)
	}
	return nil
}

// pruneSessions removes a chunk of the sessions that have expired.
func (s *Store) pruneSessions(ctx context.Context) (more bool, err error) {
	return s.prune(ctx, "remove expired sessions", `DELETE FROM session WHERE id IN
		(SELECT id FROM session WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)`, millis(s.Now()))
}
