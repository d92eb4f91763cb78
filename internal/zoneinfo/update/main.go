// Command update makes the zone data that are built into the program, internal/cron/zoneinfo.zip, from the newest of
// some directories such as /usr/share/zoneinfo, and describes them in zoneinfo.md. It fails and writes nothing when the
// result would be of an older release or lack a name of the present one. "make zoneinfo" runs it.
package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"punctual/internal/cron"
	"punctual/internal/zoneinfo"
)

const target = "internal/cron"

func main() {
	if err := update(target, cron.EmbeddedZones(), os.Args[1:]); err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "update the zone data: %v\n", err)
		os.Exit(1)
	}
}

// update writes the newest zone data of sources to the directory target. present is the zone data that it has now.
func update(target string, present *cron.Zones, sources []string) error {
	var newest *cron.Zones
	for _, source := range sources {
		z, err := zoneinfo.Read(source)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", source, err)
		}
		fmt.Printf("%s: release %s\n", source, z.Release())
		if newest == nil || cron.CompareReleases(z.Release(), newest.Release()) > 0 {
			newest = z
		}
	}
	switch {
	case newest == nil:
		return fmt.Errorf("there are none at %s", strings.Join(sources, ", "))
	case cron.CompareReleases(newest.Release(), present.Release()) < 0:
		return fmt.Errorf("the newest that can be had is release %s, and the program has %s already", newest.Release(),
			present.Release())
	}
	missing := present.Names()
	missing = slices.DeleteFunc(missing, func(name string) bool { return slices.Contains(newest.Names(), name) })
	if len(missing) > 0 {
		return fmt.Errorf("release %s lacks names that the program has now, which jobs may use: %s", newest.Release(),
			strings.Join(missing, ", "))
	}
	if err := os.WriteFile(filepath.Join(target, "zoneinfo.zip"), []byte(newest.Data()), 0o644); err != nil {
		return err
	}
	page := fmt.Sprintf(description, newest.Release(), len(newest.Names()), sha256.Sum256([]byte(newest.Data())))
	if err := os.WriteFile(filepath.Join(target, "zoneinfo.md"), []byte(page), 0o644); err != nil {
		return err
	}
	fmt.Printf("wrote release %s, before it was %s\n", newest.Release(), present.Release())
	return nil
}

const description = `# zoneinfo.zip

The time zone database that is built into the program: release %s of the IANA time zone database, %d names with old
aliases. It is a zip file of stored entries in the order of their names, a TZif file (RFC 9636) for each name, as in Go's
own ` + "`zoneinfo.zip`" + `, and the entry ` + "`+VERSION`" + ` with the name of the release. The compiled files are those of Debian's
packages tzdata and tzdata-legacy. IANA keeps the database at <https://www.iana.org/time-zones> and has placed it in the
public domain.

SHA-256: ` + "`%x`" + `

` + "`make zoneinfo`" + ` makes both files from the newest release that can be had. Equal sources make equal files.
`
