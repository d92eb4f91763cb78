package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// saveText implements engine: the hashes are the words of a full-text index without texts.
func (e *sqliteEngine) saveText(ctx context.Context, q queryer, jobID int64, text string, grams []int32) error {
	_, err := q.ExecContext(ctx, `INSERT INTO job_text (job_id, body) VALUES ($1, $2)
		ON CONFLICT (job_id) DO UPDATE SET body = excluded.body`, jobID, text)
	if err != nil {
		return err
	}
	if _, err := q.ExecContext(ctx, `DELETE FROM job_gram WHERE rowid = $1`, jobID); err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, `INSERT INTO job_gram (rowid, grams) VALUES ($1, $2)`, jobID, gramWords(grams, ""))
	return err
}

// gramWords writes hashes as words, with the word join between them.
func gramWords(grams []int32, join string) string {
	words := make([]byte, 0, 16*len(grams))
	for i, gram := range grams {
		if i > 0 {
			words = append(append(words, ' '), join...)
		}
		words = strconv.AppendUint(append(words, 'g'), uint64(uint32(gram)), 36)
	}
	return string(words)
}

// holding implements engine.
func (e *sqliteEngine) holding(n int) string {
	return fmt.Sprintf(`SELECT rowid FROM job_gram WHERE job_gram MATCH $%d`, n)
}

// gramList implements engine.
func (e *sqliteEngine) gramList(grams []int32) any {
	return strings.TrimSpace(gramWords(grams, "AND "))
}

// contains implements engine.
func (e *sqliteEngine) contains(column string, n int) string {
	return fmt.Sprintf(`instr(%s, $%d) > 0`, column, n)
}

// joinsAsWritten implements engine.
func (e *sqliteEngine) joinsAsWritten() bool { return true }
