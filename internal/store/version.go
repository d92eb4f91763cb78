package store

import (
	"bytes"
	"compress/flate"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"punctual/internal/cron"
)

// Every change of a job's definition adds a row to job_version, in the transaction of the change:
//
//	create, edit, restore      the whole definition, sealed
//	disabled by the service    one value: the definition is that of the version before, but for it
//	moved with its folder      the same
//
// The version of a row is that of the row of job afterwards. Rows outlive the job, so that a deleted one can come back. A job
// from before versions were kept gets the row of its former state with its first edit.

// origin says where a definition comes from, besides its author.
type origin struct {
	restored int64 // the version that it restores
	actionID int64
	made     *int64 // is set to the version that is written; may be nil
}

// definitionBytes bounds what an encoded definition unpacks to: the largest job that is valid, with room to spare.
const definitionBytes = 8 << 20

func versionRow(jobID, version int64) string {
	return "version " + strconv.FormatInt(version, 10) + " of job " + strconv.FormatInt(jobID, 10)
}

// encodeDefinition is a definition as it is sealed, without what the row of its version says. It takes too long for a
// transaction.
func (s *Store) encodeDefinition(j *cron.Job) ([]byte, error) {
	definition := *j
	definition.ID, definition.AccountID, definition.Updated, definition.UpdatedBy = 0, 0, time.Time{}, cron.Author{}
	p, used := s.packers.Get().(*packer)
	if !used {
		p = new(packer)
		p.flate, _ = flate.NewWriter(&p.packed, flate.BestSpeed) // fails for levels that do not exist
	}
	defer s.packers.Put(p)
	p.packed.Reset()
	p.flate.Reset(&p.packed)
	err := json.NewEncoder(p.flate).Encode(&definition)
	if err == nil {
		err = p.flate.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("encode the definition of job %d: %w", j.ID, err)
	}
	return bytes.Clone(p.packed.Bytes()), nil
}

// packer compresses definitions one after the other: a new one has buffers of more than a megabyte.
type packer struct {
	packed bytes.Buffer
	flate  *flate.Writer
}

// openVersion is the inverse of encodeDefinition and of its sealing.
func (s *Store) openVersion(sealed []byte, jobID, version int64) (j cron.Job, err error) {
	packed, err := s.sealer.open(sealed, versionRow(jobID, version))
	if err == nil {
		err = json.NewDecoder(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), definitionBytes)).Decode(&j)
	}
	if err != nil {
		return j, fmt.Errorf("open version %d of job %d: %w", version, jobID, err)
	}
	return j, nil
}

// addVersion writes the row of a version of a job, unless there is one. The definition is as encodeDefinition makes it.
func (s *Store) addVersion(ctx context.Context, q queryer, j *cron.Job, version int64, by *cron.Author, changes []string, from origin,
	definition []byte) error {
	sealed, err := s.seal(ctx, q, definition, versionRow(j.ID, version))
	if err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, `INSERT INTO job_version
		(account_id, job_id, version, created_at, person_id, key_id, author, way, changes, restored, action_id, sealed, size)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (job_id, version) DO NOTHING`,
		j.AccountID, j.ID, version, millis(j.Updated), by.PersonID, by.KeyID, by.Label, by.Way, textsField{&changes}.value(), from.restored,
		from.actionID, sealed, len(sealed))
	if err != nil {
		return fmt.Errorf("write version %d of the job: %w", version, err)
	}
	s.noteVersion(ctx, j.AccountID, len(sealed))
	return nil
}

// keepVersion makes sure that the version which a job has can be read: it writes the row of a job from before versions were kept,
// and the definition that a row lacks. The definition is nil for a version that was kept when the job was read; the error is errEdited
// when it no longer is.
func (s *Store) keepVersion(ctx context.Context, q queryer, j *cron.Job, version int64, definition []byte) error {
	has, kept, err := s.versionKept(ctx, q, j.ID, version)
	switch {
	case err != nil || kept:
		return err
	case definition == nil:
		return errEdited
	case !has:
		return s.addVersion(ctx, q, j, version, &j.UpdatedBy, nil, origin{}, definition)
	}
	sealed, err := s.seal(ctx, q, definition, versionRow(j.ID, version))
	if err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, `UPDATE job_version SET sealed = $3, size = $4, value = NULL, forgotten = $5
		WHERE job_id = $1 AND version = $2`, j.ID, version, sealed, len(sealed), false)
	if err != nil {
		return fmt.Errorf("keep version %d of the job: %w", version, err)
	}
	s.noteVersion(ctx, j.AccountID, len(sealed))
	return nil
}

// versionKept tells whether a version of a job has a row, and whether that has a definition.
func (*Store) versionKept(ctx context.Context, q queryer, jobID, version int64) (has, kept bool, err error) {
	err = q.QueryRowContext(ctx, `SELECT sealed IS NOT NULL FROM job_version WHERE job_id = $1 AND version = $2`, jobID, version).Scan(flag(&kept))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, false, nil
	case err != nil:
		return false, false, fmt.Errorf("look for version %d of the job: %w", version, err)
	}
	return true, kept, nil
}

// addValueVersions writes the rows of versions in which one value of some jobs changes.
func (s *Store) addValueVersions(ctx context.Context, q queryer, jobIDs []int64, change string, value int64, by *cron.Author) error {
	_, err := q.ExecContext(ctx, `INSERT INTO job_version (account_id, job_id, version, created_at, person_id, key_id, author, way, changes, value)
		SELECT account_id, id, version, $2, $3, $4, $5, $6, $7, $8 FROM job WHERE `+s.engine.in("id", 1)+` ON CONFLICT (job_id, version) DO NOTHING`,
		s.engine.list(jobIDs), millis(s.stamp()), by.PersonID, by.KeyID, by.Label, by.Way, textsField{&[]string{change}}.value(), value)
	if err != nil {
		return fmt.Errorf("write the versions of a change: %w", err)
	}
	return nil
}

// The changes of addValueVersions.
const (
	changeEnabled = "/enabled"  // 0: disabled
	changeFolder  = "/folderId" // the folder
)

// theService is the author of what the service itself changes.
var theService = cron.Author{Label: "the service", Way: cron.WayService}

// versionColumns is what lists show of a version.
const versionColumns = `job_id, version, created_at, person_id, key_id, author, way, changes, restored, action_id, forgotten`

func scanVersion(scan scanner, v *cron.JobVersion, more ...any) error {
	a := &v.Author
	return scan(append([]any{&v.JobID, &v.Version, moment(&v.Created), &a.PersonID, &a.KeyID, &a.Label, &a.Way, textsField{&v.Changes},
		&v.Restored, &v.ActionID, flag(&v.Forgotten)}, more...)...)
}

// Versions lists the versions of a job or of a deleted one in the bin, newest first, from before the given one on (0 for the newest).
// The error is of kind NotFound when the account has no such job.
func (s *Store) Versions(ctx context.Context, accountID, jobID, before int64, limit int) (list []cron.JobVersion, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := s.ownsJob(ctx, accountID, jobID); err != nil {
		return nil, err
	}
	if before == 0 {
		before = largestID
	}
	return list, each(ctx, s.read, "list the versions", func(scan scanner) error {
		var v cron.JobVersion
		if err := scanVersion(scan, &v, flag(&v.Kept)); err != nil {
			return err
		}
		list = append(list, v)
		return nil
	}, `SELECT `+versionColumns+`, CASE WHEN value IS NULL THEN sealed IS NOT NULL ELSE
		coalesce((SELECT base.sealed IS NOT NULL FROM job_version AS base WHERE base.job_id = $1 AND base.version < v.version
			AND base.value IS NULL ORDER BY base.version DESC LIMIT 1), false) END
		FROM job_version AS v WHERE job_id = $1 AND account_id = $2 AND version < $3 ORDER BY version DESC LIMIT $4`, jobID, accountID, before, limit)
}

// ownsJob checks that a job, or a deleted one in the bin, is the account's.
func (s *Store) ownsJob(ctx context.Context, accountID, jobID int64) error {
	var one int
	err := s.read.QueryRowContext(ctx, `SELECT 1 WHERE EXISTS (SELECT 1 FROM job WHERE id = $1 AND account_id = $2)
		OR EXISTS (SELECT 1 FROM bin_job WHERE job_id = $1 AND account_id = $2 AND purges_at > $3)`, jobID, accountID, millis(s.Now())).Scan(&one)
	return oneRow(err, cron.SubjectJob)
}

// Version reads a version with its definition. The error is of kind NotFound when the account has no such version, or when its
// definition is no longer kept.
func (s *Store) Version(ctx context.Context, accountID, jobID, version int64) (v cron.JobVersion, j cron.Job, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return v, j, err
	}
	defer leave()
	return s.version(ctx, accountID, jobID, version)
}

func (s *Store) version(ctx context.Context, accountID, jobID, version int64) (v cron.JobVersion, j cron.Job, err error) {
	if err := s.ownsJob(ctx, accountID, jobID); err != nil {
		return v, j, err
	}
	err = scanVersion(s.read.QueryRowContext(ctx, `SELECT `+versionColumns+` FROM job_version
		WHERE job_id = $1 AND account_id = $2 AND version = $3`, jobID, accountID, version).Scan, &v)
	if err != nil {
		return v, j, oneRow(err, cron.SubjectVersion)
	}
	base, sealed, err := s.sealedVersion(ctx, jobID, version)
	if err != nil {
		return v, j, err
	}
	if j, err = s.openVersion(sealed, jobID, base); err != nil {
		return v, j, err
	}
	err = each(ctx, s.read, "read the changes of a version", func(scan scanner) error {
		var (
			changes []string
			value   int64
		)
		if err := scan(textsField{&changes}, &value); err != nil {
			return err
		}
		switch {
		case slices.Contains(changes, changeEnabled):
			j.Enabled = false
		case slices.Contains(changes, changeFolder):
			j.FolderID = value
		}
		return nil
	}, `SELECT changes, value FROM job_version WHERE job_id = $1 AND version > $2 AND version <= $3 AND value IS NOT NULL
		ORDER BY version`, jobID, base, version)
	if err == nil && j.Created.IsZero() { // the definition of a new job is encoded before it is created
		err = s.read.QueryRowContext(ctx, `SELECT created_at FROM job_version WHERE job_id = $1 AND version = $2`, jobID, base).Scan(moment(&j.Created))
	}
	j.ID, j.AccountID, j.Updated, j.UpdatedBy, v.Kept = jobID, accountID, v.Created, v.Author, true
	return v, j, err
}

// sealedVersion reads the definition of a version as it is stored: that of base, the latest version with a definition, but for the
// values that have changed since. The error is of kind NotFound when it is no longer kept.
func (s *Store) sealedVersion(ctx context.Context, jobID, version int64) (base int64, sealed []byte, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT version, sealed FROM job_version WHERE job_id = $1 AND version <= $2
		AND value IS NULL ORDER BY version DESC LIMIT 1`, jobID, version).Scan(&base, &sealed)
	if err == nil && sealed == nil {
		err = sql.ErrNoRows
	}
	return base, sealed, oneRow(err, cron.SubjectVersion)
}

// ForgetVersion takes the secrets out of the definition of a version, and with it of the versions that share it. The error is of kind NotFound when the account has no such
// version, and of kind Conflict for that of the job as it is now.
func (s *Store) ForgetVersion(ctx context.Context, accountID, jobID, version int64) error {
	base, j, err := s.baseVersion(ctx, accountID, jobID, version)
	if err != nil {
		return err
	}
	j.Forget()
	packed, err := s.encodeDefinition(&j)
	if err != nil {
		return err
	}
	return s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		var current bool
		err := q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM job WHERE id = $1 AND version = $2)
			OR EXISTS (SELECT 1 FROM bin_job WHERE job_id = $1 AND version = $2)`, jobID, version).Scan(flag(&current))
		if err != nil {
			return err
		}
		if current {
			return &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectVersion, Problems: []cron.Problem{{Rule: cron.RuleCurrentVersion}}}
		}
		sealed, err := s.seal(ctx, q, packed, versionRow(jobID, base))
		if err != nil {
			return err
		}
		res, err := q.ExecContext(ctx, `UPDATE job_version SET sealed = $4, size = $5
			WHERE job_id = $1 AND account_id = $2 AND version = $3 AND sealed IS NOT NULL`, jobID, accountID, base, sealed, len(sealed))
		if err := changedOne(res, err, cron.SubjectVersion); err != nil {
			return err
		}
		_, err = q.ExecContext(ctx, `UPDATE job_version SET forgotten = $3 WHERE job_id = $1 AND version >= $2 AND version <
			coalesce((SELECT min(version) FROM job_version WHERE job_id = $1 AND version > $2 AND value IS NULL), $4)`,
			jobID, base, true, largestID)
		return err
	})
}

// baseVersion reads the definition of which that of a version is made.
func (s *Store) baseVersion(ctx context.Context, accountID, jobID, version int64) (base int64, j cron.Job, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return 0, j, err
	}
	defer leave()
	if err := s.ownsJob(ctx, accountID, jobID); err != nil {
		return 0, j, err
	}
	var one int
	err = s.read.QueryRowContext(ctx, `SELECT 1 FROM job_version WHERE job_id = $1 AND account_id = $2 AND version = $3`, jobID, accountID, version).Scan(&one)
	if err != nil {
		return 0, j, oneRow(err, cron.SubjectVersion)
	}
	base, sealed, err := s.sealedVersion(ctx, jobID, version)
	if err == nil {
		j, err = s.openVersion(sealed, jobID, base)
	}
	return base, j, err
}

const (
	// versionsChunk is how many versions one transaction deletes: each may have a megabyte.
	versionsChunk = 20
	// versionsScan is how many versions one step of the upkeep looks at.
	versionsScan = 500
)

// pruneVersions deletes a chunk of the versions that are older than the history of their account and not among the newest of their
// job. A step looks at the next versions after those of the former step, in the order of their IDs, so the upkeep goes through all.
func (s *Store) pruneVersions(ctx context.Context) (more bool, err error) {
	kept, err := s.longestRetention(ctx)
	if err != nil {
		return false, err
	}
	type row struct{ id, jobID, version, created int64 }
	rows, err := collect(ctx, s.read, "look at old versions", func(scan scanner, r *row) error {
		return scan(&r.id, &r.jobID, &r.version, &r.created)
	}, `SELECT id, job_id, version, created_at FROM job_version WHERE id > $1 ORDER BY id LIMIT $2`, s.versionsSeen.Load(), versionsScan)
	if err != nil {
		return false, err
	}
	var old []int64
	for _, r := range rows {
		if len(old) == versionsChunk {
			return true, s.deleteVersions(ctx, old)
		}
		s.versionsSeen.Store(r.id)
		if r.created >= millis(s.Now().Add(-kept)) {
			continue
		}
		var newer int
		err := s.read.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM job_version WHERE job_id = $1 AND version > $2 LIMIT $3) AS newer`,
			r.jobID, r.version, cron.MinVersions).Scan(&newer)
		if err != nil {
			return false, fmt.Errorf("count newer versions: %w", err)
		}
		if newer == cron.MinVersions {
			old = append(old, r.id)
		}
	}
	if len(rows) < versionsScan {
		s.versionsSeen.Store(0)
	}
	return len(old) > 0, s.deleteVersions(ctx, old)
}

func (s *Store) deleteVersions(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	return s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		if _, err := q.ExecContext(ctx, `DELETE FROM job_version WHERE `+s.engine.in("id", 1), s.engine.list(ids)); err != nil {
			return fmt.Errorf("delete old versions: %w", err)
		}
		return nil
	})
}
