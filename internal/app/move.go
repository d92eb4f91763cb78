package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"punctual/internal/config"
	"punctual/internal/message"
	"punctual/internal/store"
)

// progressEvery is how often a move tells how far it has come.
const progressEvery = time.Second

// move copies a database to one of the other kind. Both stay locked meanwhile.
func move(ctx context.Context, c config.Config, stdout, stderr io.Writer) (err error) {
	from, to := c.Move.From, c.Move.To
	if from.Dir != "" {
		if _, err := os.Stat(filepath.Join(from.Dir, store.FileName)); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the source: %w in %s", store.ErrNoDatabase, from.Dir)
		}
	}
	for _, l := range []config.Location{from, to} {
		if l.Dir == "" {
			continue
		}
		unlock, err := lockData(l.Dir)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, unlock()) }()
	}
	fromKeys, toKeys, err := moveKeys(c)
	if err != nil {
		return err
	}
	quiet := slog.New(slog.DiscardHandler)
	told := time.Now()
	done, err := store.Move(ctx, store.MoveOptions{
		From: store.Options{URL: from.URL, Dir: from.Dir, Keys: fromKeys.read, Logger: quiet},
		To:   store.Options{URL: to.URL, Dir: to.Dir, Keys: toKeys.read, Logger: quiet},
		Progress: func(p store.MoveProgress) {
			if time.Since(told) < progressEvery {
				return
			}
			told = time.Now()
			_, _ = fmt.Fprintln(stderr, message.Default().MoveProgress(p.Checking, p.Table, p.Rows))
		},
	})
	if err != nil {
		return err
	}
	return tellMoved(stdout, done, locationText(from), locationText(to), toKeys.name)
}

// tellMoved prints what was moved.
func tellMoved(stdout io.Writer, done store.Moved, from, to, key string) error {
	t := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "TABLE\tROWS\tCHECKSUM")
	rows := int64(0)
	for _, moved := range done.Tables {
		rows += moved.Rows
		_, _ = fmt.Fprintf(t, "%s\t%d\t%s\n", moved.Name, moved.Rows, moved.Sum)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(stdout, message.Default().Moved(rows, done.Resealed, done.Unopened, from, to, key))
	return err
}

// moveKeys finds the keys of both databases. A directory that has none gets the file with the key of the source, unless the key is in
// the configuration.
func moveKeys(c config.Config) (from, to keySource, err error) {
	m, source := c.Move, c
	if m.FromKey != "" {
		source.Key = m.FromKey
	}
	if m.From.Dir != "" {
		source.Data = m.From.Dir
	}
	if from, err = findKeys(source, false); err != nil {
		return from, to, err
	}
	if m.FromKey != "" {
		from.name = "PUNCTUAL_MOVE_FROM_KEY"
	}
	if m.ToKey != "" {
		return from, keySource{text: m.ToKey, name: "PUNCTUAL_MOVE_TO_KEY"}, nil
	}
	if m.To.Dir == "" {
		return from, from, nil
	}
	path := filepath.Join(m.To.Dir, keyName)
	to = keySource{path: path, name: path}
	switch _, err := os.Stat(path); {
	case err == nil:
		return from, to, nil
	case !errors.Is(err, fs.ErrNotExist):
		return from, to, fmt.Errorf("read the key of the secrets: %w", err)
	case from.path == "" && m.FromKey == "":
		return from, from, nil // the service gets it from the configuration, too
	}
	keys, err := from.read()
	if err != nil {
		return from, to, err
	}
	return from, to, to.createWith(keys[len(keys)-1])
}

// locationText is where a database is, without a password.
func locationText(l config.Location) string {
	if l.Dir != "" {
		return "the directory " + l.Dir
	}
	u, err := url.Parse(l.URL)
	if err != nil {
		return "the PostgreSQL database"
	}
	return "the PostgreSQL database " + u.Redacted()
}
