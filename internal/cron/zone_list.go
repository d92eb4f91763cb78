package cron

import (
	"archive/zip"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// ZoneOffset is a time zone and how far its clocks are ahead of UTC.
type ZoneOffset struct {
	Name   string // an IANA name
	Offset time.Duration
}

// ZoneOffsets lists all time zones with their offsets at the given instant, in the order of their names. It reads the
// whole database, which takes some milliseconds, and keeps nothing of it.
func ZoneOffsets(at time.Time) ([]ZoneOffset, error) {
	archive, err := zip.NewReader(strings.NewReader(zoneData), int64(len(zoneData)))
	if err != nil {
		return nil, fmt.Errorf("open the time zone database: %w", err)
	}
	list := make([]ZoneOffset, 0, len(archive.File))
	for _, file := range archive.File {
		loc, err := readLocation(file)
		if err != nil {
			return nil, fmt.Errorf("read time zone %s: %w", file.Name, err)
		}
		list = append(list, ZoneOffset{file.Name, time.Duration(offsetOf(at.In(loc))) * time.Second})
	}
	slices.SortFunc(list, func(a, b ZoneOffset) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func readLocation(file *zip.File) (*time.Location, error) {
	r, err := file.Open()
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return time.LoadLocationFromTZData(file.Name, data)
}
