package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"punctual/internal/config"
	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/store"
	"punctual/internal/zoneinfo"
)

// agreeOnZones uses the newest time zone data among those built in, those of --zoneinfo, those of the database, and, on
// SQLite, which other machines do not share, those of the host.
func agreeOnZones(ctx context.Context, c config.Config, db *store.Store, logger *slog.Logger) error {
	zones, err := newestZones(c, zoneinfo.Host, logger)
	if err != nil {
		return err
	}
	return db.AgreeOnZones(ctx, zones)
}

// newestZones are the newest time zone data outside of the database. host is the path of those of the machine.
func newestZones(c config.Config, host string, logger *slog.Logger) (*cron.Zones, error) {
	zones := cron.EmbeddedZones()
	if path := c.Serve.Zoneinfo; path != "" {
		newer, err := zoneinfo.Newer(zones, path)
		if err != nil {
			return nil, errors.New(badZones(path, err))
		}
		if newer == zones {
			logger.Info("the time zone data of --zoneinfo are not newer than those built in, which are used",
				slog.String("release", zones.Release()))
		}
		zones = newer
	}
	if c.Database == "" {
		newer, err := zoneinfo.Newer(zones, host)
		if err != nil {
			logger.Debug("the time zone data of the machine are not looked at", slog.String("error", err.Error()))
			return zones, nil
		}
		zones = newer
	}
	return zones, nil
}

// badZones explains an error about the data of --zoneinfo.
func badZones(path string, err error) string {
	switch {
	case errors.Is(err, cron.ErrZoneRelease):
		return message.Default().UnknownZoneRelease(path)
	case errors.Is(err, cron.ErrZoneData):
		return message.Default().NotZoneData(path)
	}
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		err = failed.Err
	}
	return message.Default().UnreadableZoneData(path, err)
}

// zoneState says which time zone data are in use, and whether the database has the same.
func zoneState(ctx context.Context, release func(context.Context) (string, error)) string {
	used := cron.CurrentZones().Release()
	theirs, err := release(ctx)
	switch {
	case err != nil:
		return "release " + used + "; the database does not tell its own"
	case theirs != "" && theirs != used:
		return fmt.Sprintf("release %s, but the database has %s: this node runs no jobs until it uses that", used, theirs)
	}
	return "ok, release " + used
}
