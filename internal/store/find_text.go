package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"punctual/internal/cron"
)

// How jobs are found by a text. Each job has a row of job_text with its texts in lower case, and an index leads from every
// three letters in a row (a gram) to the jobs whose texts hold them:
//
//	"backup"  ──▶  bac ack cku kup  ──▶  jobs that hold all four  ──▶  instr(body, 'backup')
//
// Grams are hashed together with the account. So no search reads what other accounts have, and the index is the same on
// both databases: a full-text index of SQLite whose words are hashes, and an inverted index (GIN) of an array of hashes on
// PostgreSQL. Two grams of one hash cost a comparison and no more.

// gramLength is how many letters a gram has. Shorter words are not found by the index.
const gramLength = 3

// maxGrams is how many grams of a text are looked up, at most. Those that most jobs hold take a millisecond each, which is longer
// than the comparisons take that more of them would save.
const maxGrams = 8

// gramsOf are the hashes of the grams in a text of an account, in ascending order without repeats.
func gramsOf(account int64, text string) (grams []int32) {
	for word := range strings.FieldsSeq(text) {
		for start := range word {
			end, letters := start, 0
			for ; letters < gramLength && end < len(word); letters++ {
				_, size := utf8.DecodeRuneInString(word[end:])
				end += size
			}
			if letters < gramLength {
				break
			}
			h := fnv.New32a()
			_, _ = h.Write(strconv.AppendInt(make([]byte, 0, 32), account, 10)) // never fails
			_, _ = h.Write([]byte(" " + word[start:end]))
			grams = append(grams, int32(h.Sum32()))
		}
	}
	slices.Sort(grams)
	return slices.Compact(grams)
}

// fewGrams are those of a list that are looked up, spread over it.
func fewGrams(grams []int32) []int32 {
	if len(grams) <= maxGrams {
		return grams
	}
	few := make([]int32, maxGrams)
	for i := range few {
		few[i] = grams[i*len(grams)/maxGrams]
	}
	return few
}

// findable is what a job is found by, folded.
type findable struct {
	title, host, changedBy, tags string
	text                         string
	grams                        []int32
}

// findableOf computes what a job is found by but for the grams, before the transaction that writes it.
func findableOf(j *cron.Job) *findable {
	f := &findable{title: cron.TitleKey(j.Title), host: cron.TargetHost(j.Request.URL), changedBy: foldLabel(j.UpdatedBy.Label),
		text: j.SearchText()}
	for _, tag := range j.Tags {
		f.tags += "\n" + cron.TagKey(tag)
	}
	if f.tags != "" {
		f.tags += "\n"
	}
	return f
}

// index computes the grams, without which the text cannot be saved.
func (f *findable) index(accountID int64) *findable {
	f.grams = gramsOf(accountID, f.text)
	return f
}

// foldLabel is the form in which labels of authors are compared.
func foldLabel(label string) string { return strings.ToLower(label) }

// save writes what a job is found by.
func (f *findable) save(ctx context.Context, s *Store, q queryer, accountID, jobID int64) error {
	_, err := q.ExecContext(ctx, `UPDATE job_search SET folded = $3, title_key = $4, host = $5, changed_by = $6, tag_keys = $7
		WHERE account_id = $1 AND job_id = $2`, accountID, jobID, true, f.title, f.host, f.changedBy, f.tags)
	if err == nil {
		err = s.engine.saveText(ctx, q, jobID, f.text, f.grams)
	}
	if err != nil {
		return fmt.Errorf("write what the job is found by: %w", err)
	}
	return nil
}

// saveIfOther is save for an edit of a job that is found by before, of which most is the same most of the time. If the row
// is not that of before, the upkeep will fold it.
func (f *findable) saveIfOther(ctx context.Context, s *Store, q queryer, accountID, jobID int64, before *findable) error {
	if f.text != before.text {
		return f.save(ctx, s, q, accountID, jobID)
	}
	if f.changedBy == before.changedBy && f.tags == before.tags {
		return nil
	}
	_, err := q.ExecContext(ctx, `UPDATE job_search SET changed_by = $3, tag_keys = $4 WHERE account_id = $1 AND job_id = $2`,
		accountID, jobID, f.changedBy, f.tags)
	if err != nil {
		return fmt.Errorf("write what the job is found by: %w", err)
	}
	return nil
}

// foldChunk is how many jobs the upkeep folds in one transaction.
const foldChunk = 50

// foldJobs makes jobs findable that an edit has not made so: those from before the search, and those that a node of a former
// version has written.
func (s *Store) foldJobs(ctx context.Context) (more bool, err error) {
	type unfolded struct {
		job     cron.Job
		version int64
	}
	jobs, err := collect(ctx, s.read, "list jobs that cannot be found yet", func(scan scanner, u *unfolded) error {
		return scan(append([]any{&u.job.ID, &u.job.AccountID, &u.version, &u.job.Title, &u.job.Request.URL}, optional(jobAbout(&u.job))...)...)
	}, `SELECT job.id, job.account_id, job.version, job.title, job.url, `+aboutNames+`
		FROM (SELECT job_id FROM job_search WHERE NOT folded LIMIT $1) AS s JOIN job ON job.id = s.job_id
		LEFT JOIN job_about ON job_about.job_id = job.id`, foldChunk)
	if err != nil || len(jobs) == 0 {
		return false, err
	}
	found := make([]*findable, len(jobs))
	for i := range jobs {
		found[i] = findableOf(&jobs[i].job).index(jobs[i].job.AccountID)
	}
	err = s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		for i := range jobs {
			j := &jobs[i].job
			var version int64
			err := q.QueryRowContext(ctx, `SELECT version FROM job WHERE id = $1`+s.engine.lock(shareFree), j.ID).Scan(&version)
			if errors.Is(err, sql.ErrNoRows) || err == nil && version != jobs[i].version {
				continue // an edit does it, or the next step
			}
			if err == nil {
				err = found[i].save(ctx, s, q, j.AccountID, j.ID)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return len(jobs) == foldChunk, err
}
