package cron

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	_ "embed" // the zone data
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// zoneData is the embedded time zone database. zoneinfo.md describes how it is built.
//
//go:embed zoneinfo.zip
var zoneData string

// Zones is a release of the IANA time zone database. Its data is an uncompressed zip file like Go's zoneinfo.zip, with a
// TZif file (RFC 9636) per time zone, and the file +VERSION with the name of the release. It is immutable.
type Zones struct {
	release string
	version string
	data    string
	files   []*zip.File             // the zones, sorted by name
	index   map[string]func() *zone // reads a zone at its first use
}

// releaseEntry is the file with the name of the release, as in other distributions of the database.
const releaseEntry = "+VERSION"

// Limits on zone data that are loaded from a file, about ten times the current size.
const (
	MaxZoneData   = 10 << 20 // bytes
	maxZones      = 6000
	maxZoneFile   = 64 << 10 // bytes
	maxZoneLength = 64       // characters of a name
)

// Errors of zone data.
var (
	ErrZoneRelease = errors.New("the data do not say which release of the time zone database they are")
	ErrZoneData    = errors.New("the data are not a time zone database")
	ErrOlderZones  = errors.New("the time zone data are of an older release than those in use")
)

// EmbeddedZones returns the embedded zone data.
var EmbeddedZones = sync.OnceValue(func() *Zones {
	z, err := openZones(zoneData)
	if err != nil {
		panic(fmt.Sprintf("cron: open the time zone database: %v", err)) // the tests would fail
	}
	return z
})

// currentZones is the only variable state of this package. Schedules are plain data that name their time zone, so all of
// them share one database per process. See UseZones.
var currentZones atomic.Pointer[Zones]

// CurrentZones returns the zone data that all schedules use: those of UseZones, or else the embedded ones.
func CurrentZones() *Zones {
	if z := currentZones.Load(); z != nil {
		return z
	}
	return EmbeddedZones()
}

// UseZones sets the zone data that all schedules of the process use. The error is ErrOlderZones if z is of an older release
// than the current data. The caller must compute the next runs of all jobs again; see Store.AgreeOnZones.
func UseZones(z *Zones) error {
	for {
		set := currentZones.Load()
		used := set
		if used == nil {
			used = EmbeddedZones()
		}
		if CompareReleases(z.release, used.release) < 0 {
			return fmt.Errorf("%w: %s, and %s is in use", ErrOlderZones, z.release, used.release)
		}
		if currentZones.CompareAndSwap(set, z) {
			return nil
		}
	}
}

// ParseZones parses and validates zone data from a file. The error wraps ErrZoneRelease or ErrZoneData.
func ParseZones(data []byte) (*Zones, error) {
	if len(data) > MaxZoneData {
		return nil, fmt.Errorf("%w: they are larger than %d MiB", ErrZoneData, MaxZoneData>>20)
	}
	z, err := openZones(string(data))
	if err != nil {
		return nil, err
	}
	if len(z.files) > maxZones {
		return nil, fmt.Errorf("%w: they have more than %d names", ErrZoneData, maxZones)
	}
	for _, file := range z.files {
		if !IsZoneName(file.Name) {
			return nil, fmt.Errorf("%w: %q is no name of a time zone", ErrZoneData, file.Name)
		}
		if _, err := readLocation(file); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrZoneData, file.Name, err)
		}
	}
	if _, ok := z.index["UTC"]; !ok {
		return nil, fmt.Errorf("%w: UTC is missing", ErrZoneData)
	}
	return z, nil
}

func openZones(data string) (*Zones, error) {
	archive, err := zip.NewReader(strings.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrZoneData, err)
	}
	sum := sha256.Sum256([]byte(data))
	z := &Zones{version: hex.EncodeToString(sum[:8]), data: data, index: make(map[string]func() *zone, len(archive.File))}
	for _, file := range archive.File {
		switch {
		case file.Name == releaseEntry:
			text, err := readEntry(file)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrZoneRelease, err)
			}
			z.release = strings.TrimSpace(string(text))
			continue
		case strings.HasSuffix(file.Name, "/"): // a directory
			continue
		}
		z.files = append(z.files, file)
		z.index[file.Name] = sync.OnceValue(func() *zone {
			found, err := readZone(file)
			if err != nil {
				panic(fmt.Sprintf("cron: read time zone %s: %v", file.Name, err)) // ParseZones reads every zone
			}
			return found
		})
	}
	slices.SortFunc(z.files, func(a, b *zip.File) int { return strings.Compare(a.Name, b.Name) })
	if !IsRelease(z.release) {
		return nil, ErrZoneRelease
	}
	if len(z.index) != len(z.files) {
		return nil, fmt.Errorf("%w: a name comes twice", ErrZoneData)
	}
	return z, nil
}

// PackZones builds the zip file of a release from TZif files by time zone name. The output is reproducible.
func PackZones(release string, files map[string][]byte) ([]byte, error) {
	var b bytes.Buffer
	archive := zip.NewWriter(&b)
	add := func(name string, content []byte) error {
		size := uint64(len(content))
		w, err := archive.CreateRaw(&zip.FileHeader{
			Name: name, Method: zip.Store, CRC32: crc32.ChecksumIEEE(content),
			CompressedSize64: size, UncompressedSize64: size,
			//lint:ignore SA1019 CreateRaw looks at no other field for the time
			ModifiedDate: 1<<5 | 1, // 1980-01-01, the earliest date in a zip file
		})
		if err == nil {
			_, err = w.Write(content)
		}
		return err
	}
	err := add(releaseEntry, []byte(release+"\n"))
	for _, name := range slices.Sorted(maps.Keys(files)) {
		err = errors.Join(err, add(name, files[name]))
	}
	if err := errors.Join(err, archive.Close()); err != nil {
		return nil, fmt.Errorf("pack the time zone data: %w", err)
	}
	return b.Bytes(), nil
}

// Release returns the name of the release, such as 2026f.
func (z *Zones) Release() string { return z.release }

// Version returns a hash of the data, 16 hexadecimal digits.
func (z *Zones) Version() string { return z.version }

// Data returns the zip file.
func (z *Zones) Data() string { return z.data }

// Names lists the names of all time zones, including old aliases, in ascending order.
func (z *Zones) Names() []string {
	names := make([]string, len(z.files))
	for i, file := range z.files {
		names[i] = file.Name
	}
	return names
}

// With returns z with the zones of older that z lacks, so that no job loses its time zone. Some systems ship old aliases in
// a separate package.
func (z *Zones) With(older *Zones) (*Zones, error) {
	complete := true
	for name := range older.index {
		_, ok := z.index[name]
		complete = complete && ok
	}
	if complete {
		return z, nil
	}
	files := make(map[string][]byte, len(older.files))
	for _, file := range slices.Concat(older.files, z.files) {
		content, err := readEntry(file)
		if err != nil {
			return nil, fmt.Errorf("read time zone %s: %w", file.Name, err)
		}
		files[file.Name] = content
	}
	data, err := PackZones(z.release, files)
	if err != nil {
		return nil, err
	}
	return ParseZones(data)
}

// ZoneOffset is a time zone and its offset east of UTC.
type ZoneOffset struct {
	Name   string // an IANA name
	Offset time.Duration
}

// Offsets lists all time zones with their offsets at the given instant, sorted by name. It reads the whole database, which
// takes some milliseconds, and caches nothing.
func (z *Zones) Offsets(at time.Time) ([]ZoneOffset, error) {
	list := make([]ZoneOffset, 0, len(z.files))
	for _, file := range z.files {
		loc, err := readLocation(file)
		if err != nil {
			return nil, fmt.Errorf("read time zone %s: %w", file.Name, err)
		}
		list = append(list, ZoneOffset{file.Name, time.Duration(offsetOf(at.In(loc))) * time.Second})
	}
	return list, nil
}

func readLocation(file *zip.File) (*time.Location, error) {
	content, err := readEntry(file)
	if err != nil {
		return nil, err
	}
	return time.LoadLocationFromTZData(file.Name, content)
}

// readEntry reads a file of at most maxZoneFile bytes.
func readEntry(file *zip.File) ([]byte, error) {
	r, err := file.Open()
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(r, maxZoneFile+1))
	if err == nil && len(content) > maxZoneFile {
		err = fmt.Errorf("it is larger than %d KiB", maxZoneFile>>10)
	}
	return content, errors.Join(err, r.Close())
}

var (
	releaseForm  = regexp.MustCompile(`^[0-9]{4}[a-z]{1,3}$`)
	zoneNameForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z][A-Za-z0-9_+-]*)*$`)
)

// IsRelease reports whether s has the form of a release name: a year and a letter, or more letters after z (2026a to 2026z,
// 2026za).
func IsRelease(s string) bool { return releaseForm.MatchString(s) }

// IsZoneName reports whether s has the form of a time zone name.
func IsZoneName(s string) bool { return len(s) <= maxZoneLength && zoneNameForm.MatchString(s) }

// CompareReleases returns a negative number if release a is older than b, 0 if they are the same, and a positive number
// otherwise. A string that is not a release name is older than any release.
func CompareReleases(a, b string) int {
	switch {
	case !IsRelease(a) && !IsRelease(b):
		return 0
	case !IsRelease(a):
		return -1
	case !IsRelease(b):
		return 1
	}
	return strings.Compare(a, b)
}
