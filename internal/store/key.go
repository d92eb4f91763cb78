package store

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"punctual/internal/cron"
)

// A key may do at most what its maker may do in the account at the moment. Its row has the role that the key was made with,
// and readers get the lower one of that role and the role of the maker. When the maker leaves the account, the row gets the
// role that the key has at that moment (leaveKeys).

// keyColumns lists the columns that are read as they were written.
func keyColumns(k *cron.APIKey) columns {
	return func(list *columnList) {
		list.add("account_id", integer(&k.AccountID))
		list.add("title", text(&k.Title))
		list.add("hash", hashed(&k.Hash))
		list.add("hint", text(&k.Hint))
		list.add("created_at", moment(&k.Created))
		list.add("disabled", flag(&k.Disabled))
		list.add("expires_at", moment(&k.Expires))
		list.add("scopes", integer(&k.Scopes))
		list.add("allow_from", prefixesField{&k.AllowFrom})
		list.add("made_by", integer(&k.MadeBy))
	}
}

// keyRights lists the columns that the maker limits.
func keyRights(k *cron.APIKey) columns {
	return func(list *columnList) {
		list.add("role", integer(&k.Role))
		list.add("operator", flag(&k.Operator))
	}
}

// The rights of a key as its maker limits them. A disabled person has none.
const (
	roleOfKey = `CASE WHEN api_key.made_by = 0 THEN api_key.role
		WHEN maker.id IS NULL OR maker.disabled OR membership.role IS NULL THEN 0
		WHEN membership.role < api_key.role THEN membership.role ELSE api_key.role END`
	operatorOfKey = `CASE WHEN api_key.made_by = 0 THEN api_key.operator
		ELSE api_key.operator AND coalesce(maker.operator AND NOT maker.disabled, 1 = 0) END`
	roleOfLeftKey = `CASE WHEN membership.role < api_key.role THEN membership.role ELSE api_key.role END`
	makerOfKey    = ` LEFT JOIN person AS maker ON maker.id = api_key.made_by
		LEFT JOIN membership ON membership.account_id = api_key.account_id AND membership.person_id = api_key.made_by`
)

var (
	keyInsert = insertRow("api_key", func(list *columnList) {
		keyColumns(new(cron.APIKey))(list)
		keyRights(new(cron.APIKey))(list)
	})
	keyNames = keyNamesWith(roleOfKey, operatorOfKey)
	// leftKeyNames reads keys as they are after their maker has left.
	leftKeyNames = keyNamesWith(roleOfLeftKey, `1 = 0`)
)

func keyNamesWith(role, operator string) string {
	return `api_key.id, ` + names("api_key", keyColumns(new(cron.APIKey))) + `, ` + role + `, ` + operator +
		`, api_key.last_used_at`
}

// keyTargets returns the variables for keyNames.
func keyTargets(k *cron.APIKey) []any {
	all := append([]any{integer(&k.ID)}, targets(keyColumns(k), keyRights(k))...)
	return append(all, moment(&k.LastUsed))
}

// prefixesField is ranges of addresses. Its column has them separated by commas.
type prefixesField struct{ to *[]netip.Prefix }

// Scan implements sql.Scanner.
func (f prefixesField) Scan(value any) error {
	var encoded string
	if err := (textField{&encoded}).Scan(value); err != nil || encoded == "" {
		return err
	}
	for t := range strings.SplitSeq(encoded, ",") {
		p, err := netip.ParsePrefix(t)
		if err != nil {
			return fmt.Errorf("decode an address range: %w", err)
		}
		*f.to = append(*f.to, p)
	}
	return nil
}

func (f prefixesField) value() any {
	texts := make([]string, len(*f.to))
	for i, p := range *f.to {
		texts[i] = p.String()
	}
	return strings.Join(texts, ",")
}

const countKeys = `SELECT count(*) FROM api_key WHERE account_id = $1`

// CreateAPIKey adds a key and sets its ID. It lowers the role of the key to that of its maker. The error is of kind
// TooMany when the account's plan allows no further key, and of kind Forbidden when the maker is not a member of the
// account.
func (s *Store) CreateAPIKey(ctx context.Context, k *cron.APIKey) error {
	if k.Created.IsZero() {
		k.Created = s.stamp()
	}
	err := s.transact(ctx, ofAccount(k.AccountID), func(ctx context.Context, q queryer) error {
		plan, err := s.lockPlan(ctx, q, k.AccountID)
		if err != nil {
			return err
		}
		if err := checkRoom(ctx, q, countKeys, k.AccountID, plan.MaxKeys, cron.SubjectAPIKey); err != nil {
			return err
		}
		if k.MadeBy != 0 {
			maker, err := readMembership(ctx, q, k.AccountID, k.MadeBy)
			if cron.KindOf(err) == cron.NotFound {
				return &cron.Error{Kind: cron.Forbidden, Subject: cron.SubjectAccount,
					Problems: []cron.Problem{{Rule: cron.RuleRole, Want: cron.RoleEditor.String()}}}
			}
			if err != nil {
				return err
			}
			k.Role = min(k.Role, maker.Role)
		}
		return q.QueryRowContext(ctx, keyInsert, values(nil, keyColumns(k), keyRights(k))...).Scan(&k.ID)
	})
	if err != nil {
		return fmt.Errorf("create the API key: %w", err)
	}
	return nil
}

// APIKeyByHash finds a key and its account. The error is of kind NotFound when there is none. Role and Operator are the
// rights of the key now.
func (s *Store) APIKeyByHash(ctx context.Context, hash [32]byte) (cron.APIKey, cron.Account, error) {
	var (
		k   cron.APIKey
		row accountRow
	)
	// Every call does this. SQLite takes twice as long to plan it when the account stands behind the outer joins.
	err := s.read.QueryRowContext(ctx, `SELECT `+accountNames+`, `+keyNames+`
		FROM api_key JOIN account ON account.id = api_key.account_id`+makerOfKey+` WHERE api_key.hash = $1`, hash[:]).Scan(
		append(row.targets(), keyTargets(&k)...)...)
	if err != nil {
		return cron.APIKey{}, cron.Account{}, oneRow(err, cron.SubjectAPIKey)
	}
	return k, row.read(), nil
}

// APIKeys lists the keys of an account, the oldest first. Role and Operator are the rights of a key now.
func (s *Store) APIKeys(ctx context.Context, accountID int64) ([]cron.APIKey, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	return listKeys(ctx, s.read, keyNames, `WHERE api_key.account_id = $1 ORDER BY api_key.id`, accountID)
}

func listKeys(ctx context.Context, q queryer, names, condition string, args ...any) ([]cron.APIKey, error) {
	return collect(ctx, q, "list the API keys", func(scan scanner, k *cron.APIKey) error {
		return scan(keyTargets(k)...)
	}, `SELECT `+names+` FROM api_key`+makerOfKey+` `+condition, args...)
}

// leaveKeys detaches the API keys that a person made in an account from the person, who leaves it. The keys keep the lower
// one of their role and the role of the person, and lose the rights of an operator. It returns them as they are then.
func leaveKeys(ctx context.Context, q queryer, accountID, personID int64) ([]cron.APIKey, error) {
	keys, err := listKeys(ctx, q, leftKeyNames, `WHERE api_key.made_by = $1 AND api_key.account_id = $2 ORDER BY api_key.id`,
		personID, accountID)
	if err != nil {
		return nil, err
	}
	for i := range keys {
		keys[i].MadeBy = 0
	}
	_, err = q.ExecContext(ctx, `UPDATE api_key SET made_by = 0, operator = $3, role = (SELECT `+roleOfLeftKey+` FROM membership
		WHERE membership.account_id = $2 AND membership.person_id = $1) WHERE made_by = $1 AND account_id = $2`,
		personID, accountID, false)
	if err != nil {
		return nil, fmt.Errorf("keep the API keys whose maker leaves: %w", err)
	}
	return keys, nil
}

// DeleteAPIKey removes a key of an account.
func (s *Store) DeleteAPIKey(ctx context.Context, accountID, keyID int64) error {
	return s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		res, err := q.ExecContext(ctx, `DELETE FROM api_key WHERE id = $1 AND account_id = $2`, keyID, accountID)
		return changedOne(res, err, cron.SubjectAPIKey)
	})
}

// TouchAPIKey records that a key of an account was used at an instant.
func (s *Store) TouchAPIKey(ctx context.Context, accountID, keyID int64, at time.Time) error {
	err := s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		_, err := q.ExecContext(ctx, `UPDATE api_key SET last_used_at = $2 WHERE id = $1 AND account_id = $3 AND last_used_at < $2`,
			keyID, millis(at), accountID)
		return err
	})
	if err != nil {
		return fmt.Errorf("note the use of an API key: %w", err)
	}
	return nil
}
