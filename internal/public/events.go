package public

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"punctual/internal/auth"
	"punctual/internal/eventstream"
)

// Limits of event streams. Who finds no room refreshes the page instead.
const (
	streamsPerPage    = 4 // in parts of those of the node: one page takes at most a fourth
	streamsPerAddress = 10
)

// streams counts those of this node.
type streams struct {
	most int

	mu        sync.Mutex
	total     int
	pages     map[int64]int
	addresses map[netip.Prefix]int
}

func newStreams(most int) *streams {
	return &streams{most: most, pages: map[int64]int{}, addresses: map[netip.Prefix]int{}}
}

// enter counts a stream of a page, if there is room for it.
func (s *streams) enter(page int64, from netip.Prefix) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total >= s.most || s.pages[page] >= max(1, s.most/streamsPerPage) || s.addresses[from] >= streamsPerAddress {
		return false
	}
	s.total++
	s.pages[page]++
	s.addresses[from]++
	return true
}

func (s *streams) leave(page int64, from netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.pages[page]--; s.pages[page] == 0 {
		delete(s.pages, page)
	}
	if s.addresses[from]--; s.addresses[from] == 0 {
		delete(s.addresses, from)
	}
}

// follow tells a browser when the page changes, by events named "change" without contents. Where there is no room for another stream
// the answer is 204, after which a browser does not ask again, and the page refreshes itself.
func follow(v *visit) error {
	return v.entered(func() error {
		page, from := v.shown.door.PageID, auth.NetworkOf(v.address)
		if !v.streams.enter(page, from) {
			v.w.WriteHeader(http.StatusNoContent)
			return nil
		}
		defer v.streams.leave(page, from)
		stream := eventstream.New(v.w)
		if stream.Flush() != nil {
			return nil
		}
		v.tell(stream)
		return nil
	})
}

// tell runs until the browser is gone, or may not read the page any more.
func (v *visit) tell(stream *eventstream.Stream) {
	ticks := time.NewTicker(checkEvery)
	defer ticks.Stop()
	told, beat, end := v.shown, time.Now(), time.Now().Add(eventstream.Longest)
	for time.Now().Before(end) {
		select {
		case <-ticks.C:
		case <-v.ctx().Done():
			return
		case <-v.stop:
			return
		}
		if v.domain != "" && !v.domains.Leads(v.domain) {
			return // the page is no longer shown there
		}
		s, err := v.cache.get(v.ctx(), v.slug)
		if err != nil {
			return // the page is gone, or was never known here
		}
		if v.shown = s; v.shown.door.PageID != told.door.PageID || v.admit() != nil {
			return
		}
		switch {
		case s.door.Revision != told.door.Revision || s.stale != told.stale || !sameDay(s.view.At.In(zoneOf(&s.view)), told.view.At.In(zoneOf(&s.view))):
			if stream.Event("change", "", struct{}{}) != nil {
				return
			}
		case time.Since(beat) >= eventstream.Heartbeat:
			stream.Buffer.WriteString(": \n\n")
		default:
			continue
		}
		told, beat = s, time.Now()
		if stream.Flush() != nil {
			return
		}
	}
}
