package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"punctual/internal/cron"
)

// A one-time link is open until it is used or expires. A link that is replaced or revoked expires at once. It is kept for
// linkKept after that, so that whoever opens it learns why it no longer works; of those that replaced each other only the
// latest ones.
//
//	CreateLink ──▶ open ──(UseLink: the effect and the mark in one transaction)──▶ used    ──┐
//	                └──(time passes; replaced; revoked; its maker leaves)──▶ expired ────────┴──(linkKept)──▶ pruned
const (
	linkKept   = 30 * 24 * time.Hour
	latestKept = 10 // links of one kind and subject that no longer work
)

func linkColumns(l *cron.Link) columns {
	return func(list *columnList) {
		list.add("hash", hashed(&l.Hash))
		list.add("kind", integer(&l.Kind))
		list.add("person_id", integer(&l.PersonID))
		list.add("account_id", integer(&l.AccountID))
		list.add("email", text(&l.Email))
		list.add("role", integer(&l.Role))
		list.add("made_by", integer(&l.MadeBy))
		list.add("created_at", moment(&l.Created))
		list.add("expires_at", moment(&l.Expires))
		list.add("used_at", moment(&l.Used))
		list.add("detail", text(&l.Detail))
	}
}

var (
	linkNames  = `link.id, ` + names("link", linkColumns(new(cron.Link)))
	linkInsert = insertRow("link", linkColumns(new(cron.Link)))
)

func linkTargets(l *cron.Link) []any {
	return append([]any{integer(&l.ID)}, targets(linkColumns(l))...)
}

// turnOfLink is the turn of a call that makes a link.
func turnOfLink(l *cron.Link) turn {
	if l.AccountID != 0 {
		return ofAccount(l.AccountID)
	}
	return ofPerson(l.PersonID)
}

// CreateLink adds a link and sets its ID, and when it expires unless that is set. It replaces an open link of the same kind
// for the same person, or, of an invitation, for the same address and account, or, of a sign-up, for the same address. Links
// for the first operator are all open until one is used. The error is of kind TooMany when the account has cron.MaxInvitations open invitations.
func (s *Store) CreateLink(ctx context.Context, l *cron.Link) error {
	if l.Created.IsZero() {
		l.Created = s.stamp()
	}
	if l.Expires.IsZero() {
		l.Expires = l.Created.Add(l.Kind.Lifetime())
	}
	return s.transact(ctx, turnOfLink(l), func(ctx context.Context, q queryer) error {
		if err := s.lockSubject(ctx, q, l); err != nil {
			return err
		}
		if l.Kind != cron.LinkSetup || l.PersonID != 0 { // each node prints a link for the first operator
			if err := s.replaceLinks(ctx, q, l, 0); err != nil {
				return err
			}
		}
		if l.Kind == cron.LinkInvitation {
			if err := s.checkInvitations(ctx, q, l.AccountID); err != nil {
				return err
			}
		}
		if err := q.QueryRowContext(ctx, linkInsert, values(nil, linkColumns(l))...).Scan(&l.ID); err != nil {
			return fmt.Errorf("create the link: %w", err)
		}
		return nil
	})
}

// lockSubject locks the account or the person of a link, for which links are counted and replaced.
func (s *Store) lockSubject(ctx context.Context, q queryer, l *cron.Link) (err error) {
	switch {
	case l.Kind == cron.LinkInvitation:
		_, err = s.lockPlan(ctx, q, l.AccountID)
	case l.PersonID != 0:
		_, err = readPerson(ctx, q, `WHERE id = $1`+s.engine.lock(forUpdate), l.PersonID)
	}
	return err
}

// sameSubject returns the condition for the links that a link replaces, with its arguments $1 to $3.
func sameSubject(l *cron.Link) (condition string, args []any) {
	switch l.Kind {
	case cron.LinkInvitation:
		return `kind = $1 AND account_id = $2 AND email = $3`, []any{int(l.Kind), l.AccountID, l.Email}
	case cron.LinkChannel:
		return `kind = $1 AND account_id = $2 AND detail = $3`, []any{int(l.Kind), l.AccountID, l.Detail}
	case cron.LinkSignUp:
		return `kind = $1 AND email = $2 AND account_id = $3`, []any{int(l.Kind), l.Email, l.AccountID}
	}
	return `kind = $1 AND person_id = $2 AND account_id = $3`, []any{int(l.Kind), l.PersonID, l.AccountID}
}

// replaceLinks makes the open links that a link replaces expire, except one, and deletes old ones beyond latestKept.
func (s *Store) replaceLinks(ctx context.Context, q queryer, l *cron.Link, except int64) error {
	condition, args := sameSubject(l)
	if _, err := q.ExecContext(ctx, `UPDATE link SET expires_at = $4 WHERE `+condition+` AND used_at = 0 AND expires_at > $4
		AND id <> $5`, append(args, millis(s.Now()), except)...); err != nil {
		return fmt.Errorf("replace a link: %w", err)
	}
	_, err := q.ExecContext(ctx, `DELETE FROM link WHERE id IN
		(SELECT id FROM link WHERE `+condition+` ORDER BY id DESC LIMIT $4 OFFSET $5)`, append(args, pruneChunk, latestKept)...)
	if err != nil {
		return fmt.Errorf("delete replaced links: %w", err)
	}
	return nil
}

// openInvitations is the condition for invitations of the account $1 that can be accepted at $2.
var openInvitations = `account_id = $1 AND kind = ` + strconv.Itoa(int(cron.LinkInvitation)) + ` AND used_at = 0 AND expires_at > $2`

// checkInvitations returns an error of kind TooMany when an account, which is locked, has as many open invitations as it may.
func (s *Store) checkInvitations(ctx context.Context, q queryer, accountID int64) error {
	var n int
	err := q.QueryRowContext(ctx, `SELECT count(*) FROM link WHERE `+openInvitations, accountID, millis(s.Now())).Scan(&n)
	if err != nil {
		return fmt.Errorf("count the invitations: %w", err)
	}
	if n >= cron.MaxInvitations {
		return &cron.Error{Kind: cron.TooMany, Subject: cron.SubjectInvitation}
	}
	return nil
}

// endInvitations ends the open invitations to a higher role than the given one that a person made in an account.
func (s *Store) endInvitations(ctx context.Context, q queryer, accountID, personID int64, above cron.Role) error {
	_, err := q.ExecContext(ctx, `UPDATE link SET expires_at = $2 WHERE `+openInvitations+` AND made_by = $3 AND role > $4`,
		accountID, millis(s.Now()), personID, int(above))
	if err != nil {
		return fmt.Errorf("end invitations: %w", err)
	}
	return nil
}

func readLink(ctx context.Context, q queryer, condition string, args ...any) (l cron.Link, err error) {
	err = q.QueryRowContext(ctx, `SELECT `+linkNames+` FROM link WHERE `+condition, args...).Scan(linkTargets(&l)...)
	return l, oneRow(err, cron.SubjectLink)
}

// LinkByHash finds a link, also one that no longer works (cron.Link.Open); Missing when there is none.
func (s *Store) LinkByHash(ctx context.Context, hash [32]byte) (cron.Link, error) {
	return readLink(ctx, s.read, `hash = $1`, hash[:])
}

// UseLink uses a link up and runs effect, both in one transaction, which what effect does joins; an error of effect undoes
// both and is returned as it is. effect may run more than once, and does nothing that takes long. The error is Missing for
// an unknown link, and of kind Gone for one that was used or has expired. Other open links for the same end with it.
func (s *Store) UseLink(ctx context.Context, hash [32]byte, effect func(ctx context.Context, l cron.Link) error) error {
	return s.transact(ctx, ofAccount(0), func(ctx context.Context, q queryer) error {
		l, err := readLink(ctx, q, `hash = $1`+s.engine.lock(forUpdate), hash[:])
		if err != nil {
			return err
		}
		now := s.stamp()
		if err := l.Open(now); err != nil {
			return err
		}
		l.Used = now
		if _, err := q.ExecContext(ctx, `UPDATE link SET used_at = $2 WHERE id = $1`, l.ID, millis(now)); err != nil {
			return fmt.Errorf("use a link: %w", err)
		}
		if err := s.replaceLinks(ctx, q, &l, l.ID); err != nil {
			return err
		}
		return effect(ctx, l)
	})
}

// Invitations lists the open invitations of an account, the newest first.
func (s *Store) Invitations(ctx context.Context, accountID int64) ([]cron.Link, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	return collect(ctx, s.read, "list the invitations", func(scan scanner, l *cron.Link) error {
		return scan(linkTargets(l)...)
	}, `SELECT `+linkNames+` FROM link WHERE `+openInvitations+` ORDER BY id DESC`, accountID, millis(s.Now()))
}

// DeleteLink revokes an open invitation of an account.
func (s *Store) DeleteLink(ctx context.Context, accountID, id int64) error {
	return s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		res, err := q.ExecContext(ctx, `UPDATE link SET expires_at = $2 WHERE `+openInvitations+` AND id = $3`,
			accountID, millis(s.Now()), id)
		return changedOne(res, err, cron.SubjectInvitation)
	})
}

// pruneLinks removes a chunk of the links that have not worked for linkKept.
func (s *Store) pruneLinks(ctx context.Context) (more bool, err error) {
	return s.prune(ctx, "remove old links", `DELETE FROM link WHERE id IN
		(SELECT id FROM link WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`, millis(s.Now().Add(-linkKept)))
}
