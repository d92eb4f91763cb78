// Package zoneinfo finds time zone data on the machine: zip files like the one that is built into the program, and
// directories such as /usr/share/zoneinfo.
package zoneinfo

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"punctual/internal/cron"
)

// Host is where most systems keep their time zone data.
const Host = "/usr/share/zoneinfo"

// Read reads the zone data at a path: a zip file, or a directory of TZif files. The error wraps cron.ErrZoneRelease when
// they do not say which release they are, and cron.ErrZoneData when they are damaged or something else.
func Read(path string) (*cron.Zones, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return ReadDir(os.DirFS(path))
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: neither a zip file nor a directory", cron.ErrZoneData)
	}
	if info.Size() > cron.MaxZoneData {
		return nil, fmt.Errorf("%w: larger than %d MiB", cron.ErrZoneData, cron.MaxZoneData>>20)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return cron.ParseZones(data)
}

// Newer returns the zone data at a path if their release is newer than that of the given ones, completed by names that
// only those have, and otherwise the given ones. The error is that of Read.
func Newer(than *cron.Zones, path string) (*cron.Zones, error) {
	if release, err := releaseAt(path); err == nil && cron.CompareReleases(release, than.Release()) <= 0 {
		return than, nil
	}
	z, err := Read(path)
	switch {
	case err != nil:
		return nil, err
	case cron.CompareReleases(z.Release(), than.Release()) <= 0:
		return than, nil
	}
	return z.With(than)
}

// releaseAt reads the release of a directory without reading all of it.
func releaseAt(path string) (string, error) {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return "", cron.ErrZoneRelease
	}
	release, _, err := description(os.DirFS(path))
	return release, err
}

// ReadDir reads a directory of TZif files such as /usr/share/zoneinfo, whose file names are the names of the zones. It
// leaves out the trees "right" and "posix", which repeat all zones with and without leap seconds, and files that are
// not TZif. The release is read from tzdata.zi, +VERSION or version. Aliases without a file, which some systems package
// separately, are made from tzdata.zi.
func ReadDir(dir fs.FS) (*cron.Zones, error) {
	release, aliases, err := description(dir)
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	err = fs.WalkDir(dir, ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			if path == "right" || path == "posix" {
				return fs.SkipDir
			}
			return nil
		case !cron.IsZoneName(path) || path == "localtime" || path == "posixrules":
			return nil
		}
		content, err := readSmall(dir, path, maxFile)
		if err == nil && strings.HasPrefix(string(content), "TZif") {
			files[path] = content
		}
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotRegular) {
			return nil // a broken link, or a link to a directory
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", cron.ErrZoneData, err)
	}
	for alias, name := range aliases {
		if _, ok := files[alias]; !ok && files[name] != nil && cron.IsZoneName(alias) {
			files[alias] = files[name]
		}
	}
	data, err := cron.PackZones(release, files)
	if err != nil {
		return nil, err
	}
	return cron.ParseZones(data)
}

// Limits on the files in a directory of zone data.
const (
	maxFile = 256 << 10 // bytes
	maxText = 4 << 20   // bytes of tzdata.zi, which contains the rules as text
)

var errNotRegular = errors.New("not a regular file")

// description reads the release of a directory, and its aliases if it lists them.
func description(dir fs.FS) (release string, aliases map[string]string, err error) {
	if text, err := readSmall(dir, "tzdata.zi", maxText); err == nil {
		aliases = make(map[string]string)
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			switch {
			case len(fields) == 3 && fields[0] == "#" && fields[1] == "version":
				release = fields[2]
			case len(fields) == 3 && fields[0] == "L": // L TARGET ALIAS
				aliases[fields[2]] = fields[1]
			}
		}
	}
	for _, name := range []string{"+VERSION", "version"} {
		if cron.IsRelease(release) {
			break
		}
		text, err := readSmall(dir, name, maxFile)
		if err == nil {
			release = strings.TrimSpace(string(text))
		}
	}
	if !cron.IsRelease(release) {
		return "", nil, cron.ErrZoneRelease
	}
	return release, aliases, nil
}

// readSmall reads a regular file of at most limit bytes.
func readSmall(dir fs.FS, path string, limit int64) ([]byte, error) {
	info, err := fs.Stat(dir, path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w", path, errNotRegular)
	}
	f, err := dir.Open(path)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(content)) > limit {
		err = fmt.Errorf("%s is larger than %d KiB", filepath.Base(path), limit>>10)
	}
	return content, errors.Join(err, f.Close())
}
