package store

import (
	"context"
	"fmt"
)

// saveText implements engine.
func (e *postgresEngine) saveText(ctx context.Context, q queryer, jobID int64, text string, grams []int32) error {
	_, err := q.ExecContext(ctx, `INSERT INTO job_text (job_id, body, grams) VALUES ($1, $2, $3)
		ON CONFLICT (job_id) DO UPDATE SET body = excluded.body, grams = excluded.grams`, jobID, text, e.gramList(grams))
	return err
}

// holding implements engine.
func (e *postgresEngine) holding(n int) string {
	return fmt.Sprintf(`SELECT job_id FROM job_text WHERE grams @> $%d::int[]`, n)
}

// gramList implements engine.
func (e *postgresEngine) gramList(grams []int32) any { return append([]int32{}, grams...) } // nil would be NULL

// contains implements engine.
func (e *postgresEngine) contains(column string, n int) string {
	return fmt.Sprintf(`strpos(%s, $%d) > 0`, column, n)
}

// joinsAsWritten implements engine.
func (e *postgresEngine) joinsAsWritten() bool { return false }
