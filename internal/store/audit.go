package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// The audit log has an entry for each change, written in the transaction of the change: neither is ever stored without the
// other. Entries are read from the newest back, and a call looks at auditScan of them at most, so that a rare
// match in a long log keeps no connection busy for long. Upkeep removes entries that are older than Options.AuditKept, and
// the oldest of an account that has more than Options.AuditEntries.
const (
	auditScan = 10_000
	// auditAccounts is how many accounts one step of the upkeep counts the entries of.
	auditAccounts = 20
)

// auditKept is how long entries are kept by default.
const auditKept = 365 * 24 * time.Hour

func auditColumns(e *cron.AuditEntry) columns {
	return func(list *columnList) {
		list.add("account_id", integer(&e.AccountID))
		list.add("at", moment(&e.At))
		list.add("actor", text(&e.Actor))
		list.add("person_id", integer(&e.PersonID))
		list.add("key_id", integer(&e.KeyID))
		list.add("session_id", integer(&e.SessionID))
		list.add("way", text(&e.Way))
		list.add("address", text(&e.Address))
		list.add("action", text(&e.Action))
		list.add("object", text(&e.Object))
		list.add("object_id", integer(&e.ObjectID))
		list.add("title", text(&e.Title))
		list.add("changes", textsField{&e.Changes})
	}
}

var (
	auditNames  = `id, ` + names("", auditColumns(new(cron.AuditEntry)))
	auditInsert = insertRow("audit", auditColumns(new(cron.AuditEntry)))
)

// textsField is a list of texts. Its column has them as JSON.
type textsField struct{ to *[]string }

// Scan implements sql.Scanner.
func (f textsField) Scan(value any) error {
	var encoded string
	if err := (textField{&encoded}).Scan(value); err != nil || encoded == "" {
		return err
	}
	return json.Unmarshal([]byte(encoded), f.to)
}

func (f textsField) value() any {
	if len(*f.to) == 0 {
		return ""
	}
	return encode(*f.to)
}

// Audited runs change and writes an entry of the audit log, both in one transaction, which everything that change does
// joins; an error of change undoes both and is returned as it is. change may run more than once, and may set fields of the entry. Without
// a change the entry is written alone.
func (s *Store) Audited(ctx context.Context, e *cron.AuditEntry, change func(ctx context.Context) error) error {
	t := ofAccount(e.AccountID)
	if e.AccountID == 0 {
		t = ofPerson(e.PersonID)
	}
	return s.transact(ctx, t, func(ctx context.Context, q queryer) error {
		if change != nil {
			if err := change(ctx); err != nil {
				return err
			}
		}
		e.At = s.stamp()
		row := *e
		for _, text := range []*string{&row.Actor, &row.Address, &row.Title} {
			*text = storable(*text)
		}
		if err := q.QueryRowContext(ctx, auditInsert, values(nil, auditColumns(&row))...).Scan(&e.ID); err != nil {
			return fmt.Errorf("write the audit log: %w", err)
		}
		return nil
	})
}

// auditQuery collects conditions and their arguments.
type auditQuery struct {
	conditions []string
	args       []any
}

// add adds a condition, in which every ? is the argument.
func (a *auditQuery) add(condition string, arg any) {
	a.args = append(a.args, arg)
	a.conditions = append(a.conditions, strings.ReplaceAll(condition, "?", "$"+strconv.Itoa(len(a.args))))
}

// where returns a WHERE clause of the conditions from an index on.
func (a *auditQuery) where(from int) string {
	if len(a.conditions) == from {
		return ``
	}
	return ` WHERE ` + strings.Join(a.conditions[from:], ` AND `)
}

// Audit lists entries of the audit log, the newest first and at most limit of them. A page may have fewer although there
// are more: next is what the following page is to be Before, and 0 at the end.
func (s *Store) Audit(ctx context.Context, f cron.AuditFilter, limit int) (list []cron.AuditEntry, next int64, err error) {
	account := f.AccountID
	if f.All {
		account = 0
	}
	ctx, leave, err := s.enter(ctx, account)
	if err != nil {
		return nil, 0, err
	}
	defer leave()
	var query auditQuery
	if !f.All {
		query.add(`account_id = ?`, f.AccountID)
	}
	if f.Before != 0 {
		var at int64
		err := s.read.QueryRowContext(ctx, `SELECT at FROM audit WHERE id = $1`, f.Before).Scan(&at)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, 0, nil // it has been removed, and so have all that are older
		}
		if err != nil {
			return nil, 0, fmt.Errorf("find a place in the audit log: %w", err)
		}
		query.add(`at <= ?`, at)
		query.args = append(query.args, f.Before)
		query.conditions = append(query.conditions, fmt.Sprintf("(at, id) < ($%d, $%d)", len(query.args)-1, len(query.args)))
	}
	if !f.To.IsZero() {
		query.add(`at < ?`, millis(f.To))
	}
	if !f.From.IsZero() {
		query.add(`at >= ?`, millis(f.From))
	}
	return s.scanAudit(ctx, &query, f, limit)
}

// scanAudit reads a page of the entries that a query selects, of which it looks at auditScan.
func (s *Store) scanAudit(ctx context.Context, query *auditQuery, f cron.AuditFilter, limit int) (
	list []cron.AuditEntry, next int64, err error) {
	const newestFirst = ` ORDER BY at DESC, id DESC LIMIT `
	scanned, position := query.where(0), len(query.conditions)
	scanArgs := query.args[:len(query.args):len(query.args)]
	if f.PersonID != 0 {
		query.add(`person_id = ?`, f.PersonID)
	}
	if f.KeyID != 0 {
		query.add(`key_id = ?`, f.KeyID)
	}
	if f.Action != "" {
		query.add(`substr(action, 1, length(CAST(? AS TEXT))) = CAST(? AS TEXT)`, f.Action)
	}
	if f.Object != "" {
		query.add(`object = ?`, f.Object)
	}
	if f.ObjectID != 0 {
		query.add(`object_id = ?`, f.ObjectID)
	}
	list, err = collect(ctx, s.read, "read the audit log", func(scan scanner, e *cron.AuditEntry) error {
		return scan(append([]any{integer(&e.ID)}, targets(auditColumns(e))...)...)
	}, `SELECT `+auditNames+` FROM (SELECT * FROM audit`+scanned+newestFirst+strconv.Itoa(auditScan)+`) AS newest`+
		query.where(position)+newestFirst+strconv.Itoa(limit), query.args...)
	if err != nil || limit <= 0 {
		return nil, 0, err
	}
	if len(list) == limit {
		return list, list[limit-1].ID, nil
	}
	err = s.read.QueryRowContext(ctx, `SELECT id FROM audit`+scanned+newestFirst+`1 OFFSET `+strconv.Itoa(auditScan-1),
		scanArgs...).Scan(&next)
	if errors.Is(err, sql.ErrNoRows) {
		return list, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("find the next page of the audit log: %w", err)
	}
	return list, next, nil
}

// pruneAudit removes a chunk of the entries that are too old, or of those that an account has too many of.
func (s *Store) pruneAudit(ctx context.Context) (more bool, err error) {
	more, err = s.prune(ctx, "remove old entries of the audit log", `DELETE FROM audit WHERE id IN
		(SELECT id FROM audit WHERE at < $1 ORDER BY at LIMIT $2)`, millis(s.Now().Add(-s.auditKept)))
	for range auditAccounts {
		if more || err != nil {
			return more, err
		}
		account := s.auditAccount.Load() // looked at last
		err := s.read.QueryRowContext(ctx, `SELECT account_id FROM audit WHERE account_id > $1 ORDER BY account_id LIMIT 1`,
			account).Scan(&account)
		if errors.Is(err, sql.ErrNoRows) {
			s.auditAccount.Store(-1) // from the service itself on, the next time
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("list the accounts in the audit log: %w", err)
		}
		if more, err = s.boundAudit(ctx, account); err != nil || more {
			return more, err
		}
		s.auditAccount.Store(account)
	}
	return false, nil
}

// boundAudit removes a chunk of the oldest entries of an account beyond the newest s.auditEntries.
func (s *Store) boundAudit(ctx context.Context, accountID int64) (more bool, err error) {
	var at, id int64
	err = s.read.QueryRowContext(ctx, `SELECT at, id FROM audit WHERE account_id = $1 ORDER BY at DESC, id DESC LIMIT 1 OFFSET $2`,
		accountID, s.auditEntries).Scan(&at, &id)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("count the entries of the audit log: %w", err)
	}
	return s.prune(ctx, "remove entries of the audit log of which there are too many", `DELETE FROM audit WHERE id IN
		(SELECT id FROM audit WHERE account_id = $1 AND (at, id) <= ($3, $4) ORDER BY at, id LIMIT $2)`, accountID, at, id)
}
