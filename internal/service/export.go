package service

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"punctual/internal/cron"
)

// exportFormat is the version of the form of an export.
const exportFormat = 1

// Export writes all data of the account but secrets, as one JSON object: account, people, API keys, folders, maintenance windows,
// status pages with their incidents and maintenances, TLS material, the names of secrets, channels, jobs, the bin, and the records of its
// history. Nothing is held in memory but a page, and no transaction stays open: a record that is made meanwhile may be there or not. After
// an error the object is not complete.
func (s *Service) Export(ctx context.Context, actor cron.Actor, w io.Writer) error {
	if err := s.allow(&actor, UseExport); err != nil {
		return err
	}
	account, err := s.store.Account(ctx, actor.Account.ID)
	if err != nil {
		return err
	}
	e := cron.AuditEntry{Action: actExport, Object: objectAccount, ObjectID: account.ID, Title: nameOf(&account)}
	if err := s.note(ctx, &actor, e); err != nil {
		return err
	}
	x := &exporter{service: s, account: account, out: bufio.NewWriter(w)}
	x.member("format", exportFormat)
	x.member("account", exportAccount(&account))
	for _, part := range []func(context.Context) error{x.people, x.keys, x.folders, x.maintenance, x.statusPages, x.incidents, x.tls, x.secrets, x.channels, x.jobs, x.bin} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	if err := x.history(ctx, &actor); err != nil {
		return err
	}
	x.text("}\n")
	if err := x.out.Flush(); err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	return nil
}

// exporter writes the members of an object. bufio.Writer keeps the first error.
type exporter struct {
	service *Service
	account cron.Account
	out     *bufio.Writer
	begun   bool
	pageIDs []int64 // of the status pages that were written
}

func (x *exporter) text(s string) { _, _ = x.out.WriteString(s) }

// name begins a member.
func (x *exporter) name(name string) {
	x.text(map[bool]string{false: "{\n", true: ",\n"}[x.begun] + `"` + name + `":`)
	x.begun = true
}

func (x *exporter) value(v any) {
	text, err := json.Marshal(v)
	if err != nil {
		text = []byte("null") // plain data, which always goes
	}
	_, _ = x.out.Write(text)
}

func (x *exporter) member(name string, v any) {
	x.name(name)
	x.value(v)
}

// list writes a member that is a list, one item on a line.
func exportList[T any](x *exporter, name string, items []T, item func(*T) any) {
	x.name(name)
	x.text("[")
	for i := range items {
		x.item(i == 0, item(&items[i]))
	}
	x.text("]")
}

func (x *exporter) item(first bool, v any) {
	x.text(map[bool]string{true: "\n", false: ",\n"}[first])
	x.value(v)
}

func exportAccount(a *cron.Account) any {
	return map[string]any{"accountId": a.ID, "title": a.Title, "email": a.Email, "plan": a.Plan, "limits": a.Overrides,
		"enabled": !a.Disabled, "created": a.Created.Unix(), "deletes": unixOrNil(a.Deletes)}
}

func (x *exporter) people(ctx context.Context) error {
	members, err := x.service.store.Memberships(ctx, x.account.ID)
	exportList(x, "people", members, func(m *cron.Membership) any {
		return map[string]any{"personId": m.PersonID, "email": m.Person.Email, "name": m.Person.Name, "role": m.Role.String(),
			"joined": m.Created.Unix()}
	})
	return err
}

func (x *exporter) keys(ctx context.Context) error {
	keys, err := x.service.store.APIKeys(ctx, x.account.ID)
	exportList(x, "apiKeys", keys, func(k *cron.APIKey) any {
		return map[string]any{"apiKeyId": k.ID, "title": k.Title, "hint": k.Hint, "enabled": !k.Disabled, "scopes": scopeNames(k.Scopes),
			"role": k.Role.String(), "allowFrom": k.AllowFrom, "created": k.Created.Unix(), "lastUsed": unixOrNil(k.LastUsed),
			"expires": unixOrNil(k.Expires)}
	})
	return err
}

func scopeNames(s cron.Scope) (names []string) {
	if s == cron.ScopeAll {
		return []string{"all"}
	}
	if s&cron.ScopeRead != 0 {
		names = append(names, "read")
	}
	if s&cron.ScopeWrite != 0 {
		names = append(names, "write")
	}
	return names
}

func (x *exporter) folders(ctx context.Context) error {
	folders, err := x.service.store.Folders(ctx, x.account.ID)
	exportList(x, "folders", folders, func(f *cron.Folder) any { return map[string]any{"folderId": f.ID, "title": f.Title} })
	return err
}

func (x *exporter) maintenance(ctx context.Context) error {
	windows, err := x.service.store.MaintenanceWindows(ctx, x.account.ID)
	exportList(x, "maintenance", windows, func(w *cron.MaintenanceWindow) any {
		object := map[string]any{"windowId": w.ID, "title": w.Title, "effect": maintenanceNames[w.Effect], "jobIds": append([]int64{}, w.JobIDs...),
			"folderIds": append([]int64{}, w.FolderIDs...), "tags": append([]string{}, w.Tags...), "created": w.Created.Unix(),
			"updated": w.Updated.Unix(), "updatedBy": w.UpdatedBy, "start": unixOrNil(w.Start), "end": unixOrNil(w.End)}
		if w.Once() {
			return object
		}
		object["durationSeconds"] = seconds(w.Duration)
		putSchedule(object, w.Schedule)
		return object
	})
	return err
}

var maintenanceNames = map[cron.MaintenanceEffect]string{cron.MaintenanceSilence: "silence", cron.MaintenancePause: "pause"}

func (x *exporter) tls(ctx context.Context) error {
	m, err := x.service.store.TLS(ctx, x.account.ID)
	x.member("tls", map[string]any{"caBundle": m.Roots, "certificate": m.Certificate})
	return err
}

// secrets writes the names, page by page.
func (x *exporter) secrets(ctx context.Context) error {
	x.name("secrets")
	x.text("[")
	for after, first := int64(0), true; ; {
		secrets, err := x.service.store.Secrets(ctx, x.account.ID, after, MaxSecretsPage)
		if err != nil {
			return err
		}
		for i := range secrets {
			secret := &secrets[i]
			x.item(first, map[string]any{"secretId": secret.ID, "name": secret.Name, "created": secret.Created.Unix(), "updated": secret.Updated.Unix()})
			after, first = secret.ID, false
		}
		if len(secrets) < MaxSecretsPage {
			break
		}
	}
	x.text("]")
	return nil
}

// channels writes the channels as people see them.
func (x *exporter) channels(ctx context.Context) error {
	x.name("channels")
	x.text("[")
	actor := cron.Actor{Account: x.account, Role: cron.RoleViewer} // without passwords in URLs
	for after, first := int64(0), true; ; {
		channels, err := x.service.store.Channels(ctx, x.account.ID, after, MaxChannelsPage)
		if err != nil {
			return err
		}
		for i := range channels {
			c := &channels[i]
			hideChannel(&actor, c)
			x.item(first, map[string]any{"channelId": c.ID, "kind": c.Kind, "title": c.Title, "enabled": c.Enabled, "default": c.Default,
				"folderIds": append([]int64{}, c.FolderIDs...), "tags": append([]string{}, c.Tags...), "settings": c.Settings, "template": c.Template,
				"language": c.Language, "reminderSeconds": seconds(c.Reminder), "unsubscribed": append([]string{}, c.Unsubscribed...),
				"created": c.Created.Unix(), "updated": c.Updated.Unix()})
			after, first = c.ID, false
		}
		if len(channels) < MaxChannelsPage {
			break
		}
	}
	x.text("]")
	return nil
}

// jobs reads one job after the other, since a job may be large.
func (x *exporter) jobs(ctx context.Context) error {
	listed, someFailed, err := x.service.store.Jobs(ctx, x.account.ID)
	if err != nil {
		return err
	}
	x.member("someJobsFailed", someFailed) // could not be read, and are left out
	x.name("jobs")
	x.text("[")
	first := true
	for i := range listed {
		job, err := x.service.store.Job(ctx, x.account.ID, listed[i].ID)
		if cron.KindOf(err) == cron.NotFound {
			continue // deleted meanwhile
		}
		if err != nil {
			return err
		}
		x.item(first, exportJob(&job.Job))
		first = false
	}
	x.text("]")
	return nil
}

// exportJob is a job as the API shows it, without secrets.
func exportJob(job *cron.Job) map[string]any {
	object := map[string]any{"jobId": job.ID, "type": int(job.Type), "created": job.Created.Unix(), "updated": job.Updated.Unix()}
	for i := range jobFields {
		f := &jobFields[i]
		if f.secret {
			continue
		}
		put(object, f.pointer, f.value(job))
	}
	put(object, "/url", cron.MaskURL(job.Request.URL))
	names := make([]string, len(job.Request.Headers))
	for i, h := range job.Request.Headers {
		names[i] = h.Name
	}
	put(object, "/extendedData/headerNames", names)
	return object
}

// put sets a value at a JSON pointer whose parts need no escape.
func put(object map[string]any, pointer string, value any) {
	parts := strings.Split(pointer[1:], "/")
	for _, name := range parts[:len(parts)-1] {
		inner, ok := object[name].(map[string]any)
		if !ok {
			inner = map[string]any{}
			object[name] = inner
		}
		object = inner
	}
	object[parts[len(parts)-1]] = value
}

// history writes all records page by page, without headers and bodies.
func (x *exporter) history(ctx context.Context, actor *cron.Actor) error {
	x.name("history")
	x.text("[")
	first := true
	for q := (cron.HistoryQuery{Limit: MaxHistoryPage}); ; {
		page, err := x.service.searcher.Search(ctx, x.account.ID, &q)
		if err != nil {
			return err
		}
		for i := range page.Records {
			x.item(first, exportRecord(&page.Records[i], language(actor).Execution))
			first = false
		}
		if page.Next.ID == 0 {
			break
		}
		q.After = page.Next
	}
	x.text("]")
	return nil
}

// exportRecord is a record of the history, with what people read of it.
func exportRecord(r *cron.HistoryRecord, says func(*cron.Result) string) any {
	return map[string]any{"executionId": r.ID, "jobId": r.JobID, "datePlanned": r.Planned.Unix(), "date": unixOrNil(r.Result.Started),
		"outcome": r.Outcome.String(), "kind": r.KindName(), "attempt": r.Attempt, "status": int(r.Result.Status),
		"httpStatus": r.Result.HTTPStatus, "statusText": says(&r.Result), "url": cron.MaskURL(r.Result.URL),
		"duration": r.Result.Duration.Milliseconds(), "last": unixOrNil(r.Last), "count": r.Count, "requestedBy": textOrNil(r.RequestedBy.Label), "requestedWay": textOrNil(r.RequestedBy.Way)}
}
