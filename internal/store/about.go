package store

import (
	"context"
	"encoding/json"
	"fmt"

	"punctual/internal/cron"
)

// jobAbout is the columns of job_about without its key. A job from before the table has no row.
func jobAbout(j *cron.Job) columns {
	return func(list *columnList) {
		list.add("description", text(&j.Description))
		list.add("tags", tagsField{&j.Tags})
		list.add("channel_ids", numbersField{&j.ChannelIDs})
		addAuthor(list, "created", &j.CreatedBy)
		addAuthor(list, "updated", &j.UpdatedBy)
	}
}

func addAuthor(list *columnList, prefix string, a *cron.Author) {
	list.add(prefix+"_person", integer(&a.PersonID))
	list.add(prefix+"_key", integer(&a.KeyID))
	list.add(prefix+"_by", text(&a.Label))
	list.add(prefix+"_way", text(&a.Way))
}

var (
	aboutNames = names("job_about", jobAbout(new(cron.Job)))
	aboutSave  = `INSERT INTO job_about (job_id, ` + names("", jobAbout(new(cron.Job))) + `) VALUES (` +
		parameters(1, 1+jobAbout(new(cron.Job)).count()) + `) ON CONFLICT (job_id) DO UPDATE SET (` +
		names("", jobAbout(new(cron.Job))) + `) = (` + names("excluded", jobAbout(new(cron.Job))) + `)`
)

// saveAbout writes what is noted about a job, and its authors.
func saveAbout(ctx context.Context, q queryer, j *cron.Job) error {
	if _, err := q.ExecContext(ctx, aboutSave, values([]any{j.ID}, jobAbout(j))...); err != nil {
		return fmt.Errorf("write what is noted about the job: %w", err)
	}
	return nil
}

// tagsField is the tags of a job. Its column has them as JSON, and empty for none.
type tagsField struct{ to *[]string }

// Scan implements sql.Scanner.
func (f tagsField) Scan(value any) error {
	var encoded string
	if err := (textField{&encoded}).Scan(value); err != nil || encoded == "" {
		return err
	}
	return json.Unmarshal([]byte(encoded), f.to)
}

func (f tagsField) value() any {
	if len(*f.to) == 0 {
		return ""
	}
	encoded, _ := json.Marshal(*f.to) // which texts always are
	return string(encoded)
}

// numbersField is a list of numbers. Its column has them as JSON; nil is NULL.
type numbersField struct{ to *[]int64 }

// Scan implements sql.Scanner.
func (f numbersField) Scan(value any) error {
	var encoded string
	if value == nil {
		*f.to = nil
		return nil
	}
	if err := (textField{&encoded}).Scan(value); err != nil {
		return err
	}
	return json.Unmarshal([]byte(encoded), f.to)
}

func (f numbersField) value() any {
	if *f.to == nil {
		return nil
	}
	return encode(*f.to)
}
