package storetest

import (
	"time"

	"punctual/internal/cron"
)

// hashed is an SQL expression of 32 bytes for each number.
func (x *Tables) hashed(number string) string {
	if x.isPostgres() {
		return `convert_to(lpad(CAST(` + number + ` AS TEXT), 32, '0'), 'UTF8')`
	}
	return `CAST(printf('%032d', ` + number + `) AS BLOB)`
}

// AddAudit adds entries of an account to the audit log, from an instant on, a millisecond apart.
func (x *Tables) AddAudit(accountID int64, count int, from time.Time) {
	x.t.Helper()
	x.Exec(numbersTo(count)+`INSERT INTO audit (account_id, at, actor, person_id, key_id, session_id, way, address, action,
			object, object_id, title, changes)
		SELECT $1, CAST($2 AS BIGINT) + i, '', 0, 0, 0, '', '', 'job.change', 'job', i, '', '' FROM n`,
		accountID, from.UnixMilli())
}

// SetAudited sets the time of an entry of the audit log.
func (x *Tables) SetAudited(id int64, at time.Time) {
	x.t.Helper()
	x.execOne(`UPDATE audit SET at = $2 WHERE id = $1`, id, at.UnixMilli())
}

// OldestAudit is the object of the oldest entry of an account.
func (x *Tables) OldestAudit(accountID int64) int64 {
	x.t.Helper()
	return x.Number(`SELECT min(object_id) FROM audit WHERE account_id = $1`, accountID)
}

// AddLinks adds one-time links for nobody.
func (x *Tables) AddLinks(count int, expires time.Time) {
	x.t.Helper()
	x.Exec(numbersTo(count)+`INSERT INTO link (hash, kind, person_id, account_id, email, role, made_by, created_at, expires_at,
			detail)
		SELECT `+x.hashed(`i`)+`, 1, 0, 0, '', 0, 0, 0, $1, '' FROM n`, expires.UnixMilli())
}

// OpenLinks lists the hashes of the one-time links that can be used at an instant.
func (x *Tables) OpenLinks(at time.Time) (open []cron.Link) {
	x.t.Helper()
	x.rows(`SELECT hash FROM link WHERE used_at = 0 AND expires_at > $1`, []any{at.UnixMilli()}, func(scan func(...any)) {
		var hash []byte
		scan(&hash)
		open = append(open, cron.Link{Hash: [32]byte(hash)})
	})
	return open
}

// Owners counts the owners of all accounts.
func (x *Tables) Owners() int64 {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM membership WHERE role = $1`, int(cron.RoleOwner))
}

// Operators counts the operators.
func (x *Tables) Operators() int64 {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM person WHERE operator`)
}

// AddChallenges adds used challenges that have expired.
func (x *Tables) AddChallenges(count int) {
	x.t.Helper()
	x.Exec(numbersTo(count) + `INSERT INTO used_challenge (hash, expires_at) SELECT ` + x.hashed(`i`) + `, 1 FROM n`)
}

// SecondFactorsWith counts the stored second factors that contain a text.
func (x *Tables) SecondFactorsWith(text string) int64 {
	x.t.Helper()
	return x.Number(`SELECT count(*) FROM person WHERE CAST(sealed_totp AS TEXT) LIKE $1`, "%"+text+"%")
}

// MoveSecondFactor puts the sealed second factor of a person into the row of another one.
func (x *Tables) MoveSecondFactor(to, from int64) {
	x.t.Helper()
	x.execOne(`UPDATE person SET sealed_totp = (SELECT sealed_totp FROM person WHERE id = $2) WHERE id = $1`, to, from)
}

// Sessions lists the IDs of all sessions.
func (x *Tables) Sessions() (ids []int64) {
	x.t.Helper()
	x.rows(`SELECT id FROM session ORDER BY id`, nil, func(scan func(...any)) {
		var id int64
		scan(&id)
		ids = append(ids, id)
	})
	return ids
}

// AddSessions adds expired sessions of a person.
func (x *Tables) AddSessions(personID int64, count int) {
	x.t.Helper()
	x.Exec(numbersTo(count)+`INSERT INTO session (hash, person_id, account_id, way, console, second, created_at, signed_in_at,
			last_seen_at, expires_at, address, user_agent)
		SELECT `+x.hashed(`i`)+`, $1, 0, '', 1 = 0, 1 = 0, 0, 0, 0, 1, '', '' FROM n`, personID)
}
