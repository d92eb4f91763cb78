// Package app wires everything together: the commands of the program, and the service that serve runs.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"

	"punctual/internal/auth"
	"punctual/internal/config"
	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/store"
)

// Exit codes of the program.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// Run carries out a command line, without the program's name, and returns the exit code. It returns when everything
// that it started has ended; serve runs until ctx ends. Results go to stdout, errors and logs to stderr.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c, err := config.Parse(args, stdout)
	switch {
	case errors.Is(err, config.ErrDone):
		return exitOK
	case err != nil:
		_, _ = fmt.Fprintf(stderr, "punctual: %v\n", err)
		return exitUsage
	}
	switch c.Command {
	case config.Serve:
		err = serve(ctx, c, stdout, stderr)
	case config.APIKeyCreate:
		err = createAPIKey(ctx, c, stdout)
	case config.Backup:
		err = backup(ctx, c)
	case config.Version:
		_, err = fmt.Fprintln(stdout, "punctual", version())
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "punctual: %s\n", explain(err))
		return exitFailed
	}
	return exitOK
}

// version is the version of the module that the program was built from.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "development version"
}

// explain turns an error of a command into a sentence that says what to do, where we know.
func explain(err error) string {
	for _, known := range []struct {
		err  error
		text func(error) string
	}{
		{errLocked, message.English{}.DataLocked},
		{store.ErrNoDatabase, message.English{}.NoDatabase},
		{store.ErrNotADatabase, message.English{}.NotADatabase},
		{store.ErrOlder, message.English{}.OlderDatabase},
		{store.ErrNewer, message.English{}.NewerDatabase},
		{store.ErrOtherKey, message.English{}.OtherKey},
		{store.ErrNoBackup, message.English{}.NoBackup},
	} {
		if errors.Is(err, known.err) {
			return known.text(err)
		}
	}
	return err.Error()
}

// open opens the database for a command that works beside a running service.
func open(ctx context.Context, c config.Storage) (*store.Store, error) {
	key, err := loadKey(c, false)
	if err != nil {
		return nil, err
	}
	return store.Open(ctx, store.Options{
		URL: c.Database, Dir: c.Data, Key: key, Logger: slog.New(slog.DiscardHandler), NoMigrate: true,
	})
}

// backup copies the database.
func backup(ctx context.Context, c config.Config) (err error) {
	s, err := open(ctx, c.Backup.Storage)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.Backup(ctx, c.Backup.File)
}

// createAPIKey prints a new API key, alone on its line.
func createAPIKey(ctx context.Context, c config.Config, stdout io.Writer) (err error) {
	o := c.APIKey.Create
	s, err := open(ctx, o.Storage)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var account cron.Account
	if o.Account == "" {
		account, err = s.Operator(ctx)
	} else {
		account, err = s.AccountByEmail(ctx, o.Account)
	}
	if cron.KindOf(err) == cron.NotFound {
		return errors.New(message.English{}.NoSuchAccount(o.Account))
	}
	if err != nil {
		return err
	}
	text, hash := auth.NewKey()
	if err := s.CreateAPIKey(ctx, &cron.APIKey{AccountID: account.ID, Title: o.Title, Hash: hash}); err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, text)
	return err
}
