package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// zonePeriod is how long a list of time zones holds: clocks change at quarters of an hour.
const zonePeriod = 15 * time.Minute

// zoneList is the time zones as they are answered with. The zero value is ready for use.
type zoneList struct {
	mu    sync.Mutex
	zones *cron.Zones // that it was made from
	until time.Time
	body  []byte
	tag   string
}

// zone is a time zone.
type zone struct {
	Name          string `json:"name"`
	Offset        string `json:"offset"`        // such as +01:00
	OffsetSeconds int64  `json:"offsetSeconds"` // east of UTC
}

// at is the list for an instant, its entity tag, and when it ends to hold.
func (l *zoneList) at(now time.Time) (body []byte, tag string, until time.Time, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	current := cron.CurrentZones()
	if current == l.zones && now.Before(l.until) && !now.Before(l.until.Add(-zonePeriod)) {
		return l.body, l.tag, l.until, nil
	}
	start := now.Truncate(zonePeriod)
	offsets, err := current.Offsets(start)
	if err != nil {
		return nil, "", now, err
	}
	zones := make([]zone, len(offsets))
	for i, z := range offsets {
		local := start.In(time.FixedZone("", int(z.Offset/time.Second)))
		zones[i] = zone{z.Name, local.Format("-07:00"), wire.WholeSeconds(z.Offset)}
	}
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(struct {
		Release string `json:"release"`
		Version string `json:"version"`
		Zones   []zone `json:"timeZones"`
	}{current.Release(), current.Version(), zones}); err != nil {
		return nil, "", now, fmt.Errorf("encode the time zones: %w", err)
	}
	sum := sha256.Sum256(b.Bytes())
	l.zones, l.body, l.until = current, b.Bytes(), start.Add(zonePeriod)
	l.tag = `"` + hex.EncodeToString(sum[:16]) + `"`
	return l.body, l.tag, l.until, nil
}

// listZones lists the time zones that a schedule may name, with what their clocks show now.
func (a *api) listZones(w http.ResponseWriter, r *http.Request, _ cron.Actor) error {
	now := a.now()
	body, tag, until, err := a.zones.at(now)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("ETag", tag)
	h.Set("Cache-Control", fmt.Sprintf("private, max-age=%d", int64(until.Sub(now)/time.Second)))
	if notModified(w, r, tag) {
		return nil
	}
	h.Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body) // whoever is gone does not need it
	return nil
}
