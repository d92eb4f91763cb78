package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"punctual/internal/cron"
)

// inlineBytes is the size up to which secrets are read with the narrow part of a job, so that an ordinary claim is one
// query. It is small enough for all slots of a node at once.
const inlineBytes = 4 << 10

// claimBytes bounds the large secrets and the TLS material that one claim reads, since others wait for its transaction.
// At least those of one job are read, whose body has 1 MiB at most.
const claimBytes = 8 << 20

// definition is a job inside a claim. At first it holds only what decides whether the job can start.
type definition struct {
	job           cron.Job
	version       int64 // of the row of job
	plan          *cron.Plan
	skip          cron.Fault // why it cannot run; FaultNone when it can
	accountLocked bool       // its account may be about to be enabled: a later claim decides
	busy          bool       // an execution of the job is in flight; only set for jobs that do not allow overlaps
	access        cron.Access
	bytes         int64             // the size of the secrets, when they are not read yet
	hasTLS        bool              // its account has TLS material
	material      int64             // the size of the TLS material
	secrets       []secretKey       // the account's secrets that the job names
	success       string            // the criteria of success, as JSON
	sealed        []byte            // the secrets
	maintenance   int64             // maintenance_from of its account; 0 without windows
	windows       *cron.Maintenance // that can pause it; nil for none
	tags          []string          // only set for windows that ask for them
	opened        bool              // success and sealed have been decoded into job
	broken        bool              // decoding them failed
}

// skipFirst is the reason to skip a first attempt; FaultNone when there is none.
func (d *definition) skipFirst() cron.Fault {
	if d.skip == cron.FaultNone && d.busy && d.job.Policy.Overlap == cron.OverlapSkip {
		return cron.FaultOverlap
	}
	return d.skip
}

// claimedAccount is what a claim reads of an account.
type claimedAccount struct {
	plan        *cron.Plan
	disabled    bool
	access      cron.Access
	material    sql.NullInt64 // the size of its TLS material
	maintenance int64         // maintenance_from
}

// claimedAccounts reads the accounts of due work. A claim takes neighbouring jobs, so there are fewer of them than of jobs.
func (s *Store) claimedAccounts(ctx context.Context, q queryer, work []due) (map[int64]*claimedAccount, error) {
	accounts, ids := make(map[int64]*claimedAccount), []int64(nil)
	for _, w := range work {
		if _, known := accounts[w.accountID]; !known {
			accounts[w.accountID], ids = nil, append(ids, w.accountID)
		}
	}
	plans := make(map[planRow]*cron.Plan)
	var ( // of a row
		id   int64
		read claimedAccount
		row  planRow
	)
	into := []sql.Scanner{integer(&id), text(&row.name), text(&row.overrides), flag(&read.disabled), integer(&read.access), &read.material,
		integer(&read.maintenance)}
	err := eachInto(ctx, q, "read the accounts", into, func() error {
		a := read
		if a.plan = plans[row]; a.plan == nil {
			plan, err := s.plan(row)
			if err != nil {
				return err
			}
			a.plan = &plan
			plans[row] = a.plan
		}
		accounts[id] = &a
		return nil
	}, `SELECT account.id, account.plan, account.overrides, account.disabled, account.access,
		        octet_length(account_tls.roots) + octet_length(account_tls.certificate), account.maintenance_from
		 FROM account LEFT JOIN account_tls ON account_tls.account_id = account.id WHERE `+s.engine.in("account.id", 1), s.engine.list(ids))
	return accounts, err
}

// definitions reads the jobs of due work without large secrets. The rows of job_state are locked, and every edit locks
// them first, so the columns belong to the same version of the job.
func (s *Store) definitions(ctx context.Context, q queryer, work []due) (map[int64]*definition, error) {
	accounts, err := s.claimedAccounts(ctx, q, work)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(work))
	for i, w := range work {
		ids[i] = w.jobID
	}
	jobs := make(map[int64]*definition, len(work))
	var ( // of a row
		read  definition
		names string
		stamp definitionStamp
	)
	into := scanners([]columns{claimedJob(&read.job, &read.success, &names)}, blob(&read.sealed), integer(&read.bytes), integer(&read.version))
	take := func() error {
		a := accounts[read.job.AccountID]
		if a == nil { // it was deleted, and the job with it
			return nil
		}
		d := read // which is kept as long as its execution, and so apart from the others
		d.plan, d.access, d.maintenance = a.plan, a.access, a.maintenance
		d.hasTLS, d.material = a.material.Valid, a.material.Int64
		d.secrets = secretKeys(d.job.AccountID, names)
		if a.disabled {
			d.skip = cron.FaultAccountDisabled
		}
		jobs[d.job.ID] = &d
		return nil
	}
	query, took := definitionQuery, take
	if s.kept != nil {
		fields := make([]field, len(into))
		for i, f := range into {
			fields[i] = f.(field)
		}
		if ids, err = s.keptDefinitions(ctx, q, ids, fields, take); err != nil || len(ids) == 0 {
			return jobs, err
		}
		now := time.Now()
		query = stampedDefinitionQuery
		into = append(into, integer(&stamp.transaction), integer(&stamp.updated))
		took = func() error {
			stamp.version = read.version
			s.kept.put(read.job.ID, read.job.AccountID, stamp, pack(fields), now)
			return take()
		}
	}
	err = eachInto(ctx, q, "read the definitions", into, took, query+` FROM job LEFT JOIN job_secret ON job_secret.job_id = job.id WHERE `+s.engine.in("job.id", 1),
		s.engine.list(ids), inlineBytes)
	return jobs, err
}

// definitionQuery selects what a claim reads of a job, and stampedDefinitionQuery its definitionStamp with it.
var (
	definitionQuery = `SELECT ` + claimedNames + `, CASE WHEN length(job_secret.sealed) <= $2 THEN job_secret.sealed END,
		        CASE WHEN length(job_secret.sealed) > $2 THEN length(job_secret.sealed) END, job.version`
	stampedDefinitionQuery = definitionQuery + `, job.xmin, job.updated_at`
)

// markBusy finds the jobs that have an execution in flight and do not allow overlaps.
func (s *Store) markBusy(ctx context.Context, q queryer, jobs map[int64]*definition) error {
	var ids []int64
	for id, d := range jobs {
		if d.job.Policy.Overlap == cron.OverlapSkip {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	from, err := s.runningFrom(ctx, q)
	if err != nil {
		return err
	}
	return each(ctx, q, "find running executions", func(scan scanner) error {
		var id int64
		if err := scan(&id); err != nil {
			return err
		}
		jobs[id].busy = true
		return nil
	}, `SELECT job_id FROM execution WHERE outcome = 0 AND `+s.engine.in("job_id", 1)+` AND id >= $2`,
		s.engine.list(ids), from)
}

// readRest reads the large secrets of the admitted jobs, the TLS material of their accounts, and the account's secrets that
// they name.
func (s *Store) readRest(ctx context.Context, q queryer, out *claimed) (err error) {
	large, accounts := make(map[int64]*definition), make(map[int64]*sealedTLS)
	var named []secretKey
	for _, d := range out.definitions {
		if d.bytes > 0 {
			large[d.job.ID] = d
		}
		if d.hasTLS {
			accounts[d.job.AccountID] = nil
		}
		named = append(named, d.secrets...)
	}
	if len(large) > 0 {
		if err := s.readSecrets(ctx, q, large); err != nil {
			return err
		}
	}
	if len(accounts) > 0 {
		if err := s.readTLS(ctx, q, accounts); err != nil {
			return err
		}
	}
	out.tls = accounts
	out.secrets, err = s.readSecretValues(ctx, q, named)
	return err
}

func (s *Store) readSecrets(ctx context.Context, q queryer, jobs map[int64]*definition) error {
	ids := make([]int64, 0, len(jobs))
	for id := range jobs {
		ids = append(ids, id)
	}
	return each(ctx, q, "read the secrets", func(scan scanner) error {
		var (
			id     int64
			sealed []byte
		)
		if err := scan(&id, &sealed); err != nil {
			return err
		}
		jobs[id].sealed = sealed
		return nil
	}, `SELECT job_id, sealed FROM job_secret WHERE `+s.engine.in("job_id", 1),
		s.engine.list(ids))
}

// openLaunches decrypts and decodes the launches of a committed claim. Where that fails, nothing is sent, and the
// launch record becomes that of a skipped attempt.
func (s *Store) openLaunches(ctx context.Context, out *claimed) error {
	materials := s.openTLS(out.tls)
	values, unopened := s.openSecrets(out.secrets)
	var broken []cron.Launch
	launches := out.Launches
	out.Launches = launches[:0]
	for i, l := range launches {
		d := out.definitions[i]
		if !d.opened {
			s.openDefinition(d)
		}
		l.Job, l.Installation = &d.job, s.installation
		if d.hasTLS {
			l.TLS = materials[d.job.AccountID]
		}
		secrets, opened := pick(d.secrets, values, unopened)
		if l.Secrets = secrets; d.broken || !opened || d.hasTLS && l.TLS == nil {
			broken = append(broken, l)
			continue
		}
		out.Launches = append(out.Launches, l)
	}
	if len(broken) == 0 {
		return nil
	}
	out.Settled += len(broken)
	return s.withdraw(ctx, broken)
}

// openDefinition decodes the stored columns of a definition into its job.
func (s *Store) openDefinition(d *definition) {
	var err error
	d.job.Exchange.Success, err = decodeSuccess(d.success)
	if err == nil {
		err = s.openJob(&d.job, d.sealed)
	}
	if err != nil {
		s.logger.Error("a job cannot run", slogErr(err))
		d.broken = true
	}
	d.opened, d.sealed, d.success = true, nil, "" // the job is kept, and with it all of d
}

// withdraw records launches as skipped. Nothing was sent for them.
func (s *Store) withdraw(ctx context.Context, launches []cron.Launch) error {
	slices.SortFunc(launches, func(a, b cron.Launch) int { return int(a.Job.ID - b.Job.ID) })
	return s.transact(ctx, claims, func(ctx context.Context, q queryer) error {
		for i := range launches {
			l := &launches[i]
			_, err := q.ExecContext(ctx,
				`UPDATE execution SET node = 0, outcome = $1, fault = $2, last_planned_at = planned_at, occurrences = 1
				 WHERE job_id = $3 AND planned_at = $4 AND kind = $5 AND attempt = $6 AND node = $7 AND outcome = 0`,
				int(cron.OutcomeSkipped), int(cron.FaultInternal), l.Job.ID, millis(l.Planned), int(l.Kind), l.Attempt, l.Node)
			if err != nil {
				return fmt.Errorf("record what cannot run: %w", err)
			}
		}
		return nil
	})
}
