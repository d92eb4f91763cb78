package app

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"punctual/internal/config"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// errand is a command as whoever has the machine gives it.
type errand struct {
	args    string
	changes bool // something, which the audit log tells of
	alone   bool // needs no database
	spare   bool // is given a further key
	beside  bool // a service runs
}

// errands are all commands. Nobody is asked who they are: the right to them is the key of the secrets with the database. serve
// and backup differ, and are in TestCommandsOfStrangers too.
var errands = map[config.Command]errand{
	config.AccountCreate:  {args: "account create new@example.com", changes: true},
	config.AccountList:    {args: "account list"},
	config.AccountSetPlan: {args: "account set-plan {accountId} default", changes: true},
	config.AccountDisable: {args: "account disable {accountId}", changes: true},
	config.AccountEnable:  {args: "account enable {accountId}", changes: true},
	config.AccountDelete:  {args: "account delete {accountId} --now", changes: true},
	config.AccountRestore: {args: "account restore {accountId}", changes: true},
	config.AccountExport:  {args: "account export {accountId} -", changes: true},
	config.APIKeyCreate:   {args: "apikey create --account {accountId}", changes: true},
	config.APIKeyList:     {args: "apikey list --account {accountId}"},
	config.APIKeyRevoke:   {args: "apikey revoke {apiKeyId} --account {accountId}", changes: true},
	config.Backup:         {args: "backup {dir}/copy"},
	config.KeyNew:         {args: "key new", alone: true},
	config.KeyRotate:      {args: "key rotate", changes: true, spare: true},
	config.LoginLink:      {args: "login-link", changes: true},
	config.NodesList:      {args: "nodes"},
	config.NodesDrain:     {args: "nodes drain {epoch}", changes: true, beside: true},
	config.NodesResume:    {args: "nodes resume node", changes: true, beside: true},
	config.PersonList:     {args: "person list"},
	config.PersonInvite:   {args: "person invite guest@example.com --account {accountId} --role owner", changes: true},
	config.PersonDisable:  {args: "person disable member@kite77.example", changes: true},
	config.PersonEnable:   {args: "person enable member@kite77.example", changes: true},
	config.PersonOperator: {args: "person operator member@kite77.example on", changes: true},
	config.Move:           {args: "move --from sqlite:{dir} --to postgres://127.0.0.1:1/none?sslmode=disable"},
	config.Serve:          {args: "serve --listen 127.0.0.1:0"},
	config.MailTest:       {args: "mail test new@example.com --smtp {smtp} --mail-from punctual@example.com", alone: true},
	config.Version:        {args: "version", alone: true},
}

// TestEveryCommandHasARow looks for commands that the walk does not know.
func TestEveryCommandHasARow(t *testing.T) {
	all := []config.Command{config.Move, config.Serve, config.KeyNew, config.MailTest, config.Version}
	for c := range commands {
		all = append(all, c)
	}
	for _, c := range all {
		if _, ok := errands[c]; !ok {
			t.Errorf("%s has no row", c)
		}
	}
	for c, e := range errands {
		words := strings.Fields(string(c))
		if !slices.Contains(all, c) || !strings.HasPrefix(e.args, words[0]) {
			t.Errorf("the row of %s is none", c)
		}
	}
}

// give gives a command on a copy of the ground, with a key of the secrets.
func (g *ground) give(t *testing.T, e errand, key [32]byte, database bool) (code int, stdout, stderr string, options store.Options) {
	t.Helper()
	dir := t.TempDir()
	if database {
		file, err := os.ReadFile(filepath.Join(g.dir, store.FileName))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, store.FileName), file, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	text := g.fill(strings.NewReplacer("{dir}", dir, "{smtp}", g.smtp).Replace(e.args), &walkers[0])
	keys := encodeKeys(key)
	if e.spare {
		keys = encodeKeys(key, [32]byte{7})
	}
	if e.beside {
		unlock, err := lockData(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = unlock() }()
	}
	args := append(strings.Fields(text), "--data", dir, "--key", keys)
	var out, errors bytes.Buffer
	code = Run(t.Context(), args, strings.NewReader(""), &out, &errors)
	return code, out.String(), errors.String(), store.Options{Dir: dir}
}

// TestCommandsOfWhoeverHasTheKey gives every command but serve and move, which other tests run.
func TestCommandsOfWhoeverHasTheKey(t *testing.T) {
	g := newGround(t)
	for c, e := range errands {
		if c == config.Serve || c == config.Move {
			continue
		}
		code, _, stderr, options := g.give(t, e, walkKey, !e.alone)
		if code != exitOK || stderr != "" {
			t.Errorf("%s: exit code %d, %q", c, code, stderr)
		}
		if e.alone {
			continue
		}
		noted := 0
		tables := storetest.OpenTables(t, options)
		err := tables.DB().QueryRowContext(t.Context(), `SELECT count(*) FROM audit WHERE way = 'command'`).Scan(&noted)
		if err != nil {
			t.Fatal(err)
		}
		if got := noted > g.noted; got != e.changes {
			t.Errorf("%s: the audit log tells of a change: %v", c, got)
		}
	}
}

// TestCommandsOfStrangers gives every command without the key or without the database, which changes and shows nothing.
func TestCommandsOfStrangers(t *testing.T) {
	g := newGround(t)
	for c, e := range errands {
		if e.alone {
			continue
		}
		code, stdout, stderr, options := g.give(t, e, [32]byte{2}, true)
		if code != exitFailed || stdout != "" || !strings.Contains(stderr, "key") || strings.Contains(stderr, named) {
			t.Errorf("%s with another key: exit code %d, %q, %q", c, code, stdout, stderr)
		}
		now := storetest.Rows(t, storetest.Raw(t, options), g.account)
		for row := range g.rows {
			if !now[row] {
				t.Errorf("%s with another key has changed %s", c, row)
			}
		}
		if len(now) != len(g.rows) {
			t.Errorf("%s with another key: %d rows, had %d", c, len(now), len(g.rows))
		}
		if c == config.Serve {
			continue // makes a database
		}
		if code, stdout, stderr, _ := g.give(t, e, walkKey, false); code != exitFailed || stdout != "" || stderr == "" {
			t.Errorf("%s without a database: exit code %d, %q, %q", c, code, stdout, stderr)
		}
	}
}
