// Package app wires everything together: the commands of the program, and the service that serve runs.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime/debug"
	"strings"

	"punctual/internal/certificate"
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

// Run executes a command line, given without the program's name, and returns the exit code. It returns when everything
// that it started has ended; serve runs until ctx ends. Commands that ask read stdin. Results go to stdout, errors and logs
// to stderr.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
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
	case config.Version:
		_, err = fmt.Fprintf(stdout, "punctual %s\ntime zone data %s\n", version(), cron.EmbeddedZones().Release())
	case config.KeyNew:
		_, err = fmt.Fprint(stdout, encodeKeys(newKey()))
	case config.MailTest:
		err = testMail(ctx, c, stdout)
	case config.Move:
		err = move(ctx, c, stdout, stderr)
	default:
		err = onDatabase(ctx, c, commands[c.Command], stdin, stdout)
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
		{errLocked, message.Default().DataLocked},
		{store.ErrNoDatabase, message.Default().NoDatabase},
		{store.ErrNotADatabase, message.Default().NotADatabase},
		{store.ErrOlder, message.Default().OlderDatabase},
		{store.ErrNewer, message.Default().NewerDatabase},
		{store.ErrUnreleased, message.Default().UnreleasedDatabase},
		{store.ErrOtherKey, message.Default().OtherKey},
		{store.ErrNoBackup, message.Default().NoBackup},
		{store.ErrMoving, message.Default().MoveIncomplete},
		{store.ErrNotEmpty, message.Default().MoveTargetFilled},
		{store.ErrRunning, message.Default().MoveRunning},
		{store.ErrMoveWrong, message.Default().MoveWrong},
		{store.ErrBadURL, message.Default().BadDatabaseURL},
		{store.ErrOldServer, message.Default().OldDatabaseServer},
		{store.ErrFewConnections, message.Default().FewDatabaseConnections},
		{store.ErrPooler, message.Default().PoolerRefuses},
		{errNoRoot, message.Default().NoRootCertificate},
		{certificate.ErrNoCertificate, message.Default().NoCertificate},
		{certificate.ErrNoKey, message.Default().NoPrivateKey},
		{certificate.ErrOtherKey, message.Default().OtherPrivateKey},
	} {
		if errors.Is(err, known.err) {
			return known.text(err)
		}
	}
	if f := cron.DatabaseFaultOf(err); f != cron.DatabaseOK {
		return message.Default().DatabaseUnusable(f)
	}
	if e, ok := errors.AsType[*cron.OutdatedError](err); ok {
		return message.Default().OutdatedNode(e)
	}
	if e, ok := errors.AsType[*cron.MailError](err); ok {
		return message.Default().Mail(e)
	}
	if e, ok := errors.AsType[*cron.Error](err); ok && e.Kind != cron.Internal {
		return message.Default().CommandRefused(e)
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		doing, _, _ := strings.Cut(err.Error(), e.Error())
		return message.Default().FileFails(strings.TrimSuffix(doing, ": "), e)
	}
	if errors.Is(err, context.Canceled) {
		return "Stopped before the end."
	}
	return err.Error()
}
