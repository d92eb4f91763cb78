package public

import (
	"bytes"
	"compress/gzip"
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// Limits of the cache of a node.
const (
	checkEvery    = time.Second      // how often the database is asked whether a page changed
	renderEvery   = time.Minute      // how old a rendering gets, since numbers and times on it move on
	lookupTimeout = 3 * time.Second  // for the database to answer
	lookupsAtOnce = 8                // of all pages
	maxCached     = 64 << 20         // bytes, of all pages
	maxRenderings = 400              // of one page
	maxRendered   = 8 << 20          // bytes of them
	waitForTurn   = 10 * time.Second // for one of the lookups; whoever waits has no rendering
)

// cache holds pages with their renderings; those that nobody asked for the longest go first. Pages that do not exist are not held.
type cache struct {
	pages   Pages
	now     func() time.Time
	lookups chan struct{}

	mu      sync.Mutex
	entries map[string]*list.Element // of *entry, by slug
	order   list.List                // the latest used first
	size    int
}

// entry is a page of the cache.
type entry struct {
	slug string
	size int // guarded by cache.mu

	mu      sync.Mutex
	pending *pendingCheck // while the database is asked
	checked time.Time
	away    bool   // the database did not answer
	shown   *shown // nil before the first answer
}

// pendingCheck is a question to the database that others wait for.
type pendingCheck struct {
	done chan struct{}
	err  error
}

// shown is what visitors see of a page until it changes.
type shown struct {
	door  statuspage.Entrance
	view  statuspage.View
	stale bool // the database does not answer
	grow  func(bytes int)
	runs  *pageRuns // of all that were shown of the page

	mu         sync.Mutex
	size       int // of the renderings, in bytes
	renderings map[string]*rendering
	pending    map[string]*pendingRendering
}

func newShown(door statuspage.Entrance, view statuspage.View) *shown {
	return &shown{door: door, view: view, runs: newPageRuns(door.AccountID, door.PageID), renderings: map[string]*rendering{}, pending: map[string]*pendingRendering{}}
}

// rendering is a response that is ready.
type rendering struct {
	mediaType     string
	plain, packed []byte // packed is nil when that would save nothing
	etag          string
}

func newCache(pages Pages, now func() time.Time) *cache {
	return &cache{pages: pages, now: now, lookups: make(chan struct{}, lookupsAtOnce), entries: map[string]*list.Element{}}
}

// get is the page with a slug as it is now, or was within the last second. The error is of kind NotFound when there is none.
func (c *cache) get(ctx context.Context, slug string) (*shown, error) {
	e := c.entry(slug)
	e.mu.Lock()
	last, away, p := e.shown, e.away, e.pending
	if age := c.now().Sub(e.checked); last != nil && age >= 0 && age < checkEvery {
		e.mu.Unlock()
		return last, nil
	}
	if p == nil {
		p = &pendingCheck{done: make(chan struct{})}
		e.pending = p
		e.mu.Unlock()
		c.check(ctx, e, p, last)
	} else {
		e.mu.Unlock()
		if last != nil && away {
			return last, nil // one visitor waits for a database that is away, not all
		}
		select {
		case <-p.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if p.err != nil {
		return nil, p.err
	}
	return e.shown, nil
}

// check asks the database what is shown after last, for all who wait. It is not interrupted when the visitor leaves.
func (c *cache) check(ctx context.Context, e *entry, p *pendingCheck, last *shown) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookupTimeout)
	defer cancel()
	next, err, asked := last, errPanicked, c.now()
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		defer close(p.done)
		e.pending, e.checked, e.away = nil, c.now(), false
		switch {
		case err == nil:
			e.shown, e.checked = next, asked // what the database said may be as old as the question
		case cron.KindOf(err) == cron.NotFound:
			e.shown, p.err = nil, err
			c.drop(e)
		case last == nil:
			p.err = err
			c.drop(e)
		default:
			e.away, e.shown = true, last.outdated()
		}
	}()
	next, err = c.look(ctx, e, last)
}

// errPanicked is what others are told when the one that they wait for fails unexpectedly.
var errPanicked error = &cron.Error{Kind: cron.Internal}

// look is what is shown now: the same as before when nothing changed.
func (c *cache) look(ctx context.Context, e *entry, last *shown) (*shown, error) {
	leave, err := c.turn(ctx, last == nil)
	if err != nil {
		return nil, err
	}
	defer leave()
	door, err := c.pages.StatusEntrance(ctx, e.slug)
	if err != nil {
		return nil, err
	}
	if last != nil && !last.stale && last.door.PageID == door.PageID && last.door.Revision == door.Revision && last.current(c.now()) {
		return last, nil
	}
	view, err := c.pages.StatusView(ctx, door.PageID)
	if err != nil {
		return nil, err
	}
	s := newShown(door, view)
	if last != nil && last.door.PageID == door.PageID {
		s.runs = last.runs
	}
	weight := weightOf(&view)
	c.resize(e, func(int) int { return weight })
	s.grow = func(bytes int) { c.resize(e, func(size int) int { return size + bytes }) }
	return s, nil
}

// turn waits until few enough ask the database.
func (c *cache) turn(ctx context.Context, patient bool) (leave func(), err error) {
	wait := lookupTimeout / 2
	if patient {
		wait = waitForTurn
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case c.lookups <- struct{}{}:
		return func() { <-c.lookups }, nil
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil, &cron.Error{Kind: cron.Unavailable, RetryAfter: checkEvery}
}

// current tells whether what is shown is neither old nor of another day.
func (s *shown) current(now time.Time) bool {
	age := now.Sub(s.view.At)
	zone := zoneOf(&s.view)
	return age >= 0 && age < renderEvery && sameDay(now.In(zone), s.view.At.In(zone))
}

func sameDay(a, b time.Time) bool { return a.Year() == b.Year() && a.YearDay() == b.YearDay() }

// outdated is the same for a time in which the database does not answer.
func (s *shown) outdated() *shown {
	if s.stale {
		return s
	}
	old := newShown(s.door, s.view)
	old.stale, old.grow, old.runs = true, s.grow, s.runs
	return old
}

// pendingRendering is a response that others wait for while it is made.
type pendingRendering struct {
	done chan struct{}
	made *rendering // nil when it failed
	err  error
}

// render makes a response once, for all who ask meanwhile. The key names it; create returns its media type and body. Responses that are ready
// wait for none that is being made.
func (s *shown) render(ctx context.Context, key string, create func() (mediaType string, body []byte, err error)) (*rendering, error) {
	for {
		s.mu.Lock()
		if r := s.renderings[key]; r != nil {
			s.mu.Unlock()
			return r, nil
		}
		p := s.pending[key]
		if p == nil {
			p = &pendingRendering{done: make(chan struct{}), err: errPanicked}
			s.pending[key] = p
			s.mu.Unlock()
			s.fill(key, p, create)
			return p.made, p.err
		}
		s.mu.Unlock()
		select {
		case <-p.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if !errors.Is(p.err, context.Canceled) { // whoever made it is gone
			return p.made, p.err
		}
	}
}

// fill makes a response, and keeps it if there is room.
func (s *shown) fill(key string, p *pendingRendering, create func() (mediaType string, body []byte, err error)) {
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.pending, key)
		close(p.done)
		if p.made == nil {
			return
		}
		size := len(p.made.plain) + len(p.made.packed)
		if len(s.renderings) < maxRenderings && s.size+size <= maxRendered {
			s.renderings[key] = p.made
			s.size += size
			s.grow(size)
		}
	}()
	mediaType, body, err := create()
	if p.err = err; err == nil {
		p.made = newRendering(mediaType, body)
	}
}

// etagOf is the strong ETag of a body.
func etagOf(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + hex.EncodeToString(sum[:9]) + `"`
}

// newRendering compresses what is text.
func newRendering(mediaType string, body []byte) *rendering {
	r := &rendering{mediaType: mediaType, plain: body, etag: etagOf(body)}
	if mediaType == "image/png" {
		return r
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(body); err != nil {
		return r
	}
	if z.Close() == nil && packed.Len() < len(body) {
		r.packed = packed.Bytes()
	}
	return r
}

// write answers with the rendering, compressed for those who take that.
func (r *rendering) write(w http.ResponseWriter, to *http.Request) {
	body := r.plain
	if r.packed != nil && strings.Contains(to.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		body = r.packed
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body) // whoever is gone does not need it
}

// entry is that of a slug, which is now the latest used one.
func (c *cache) entry(slug string) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found, ok := c.entries[slug]; ok {
		c.order.MoveToFront(found)
		return found.Value.(*entry)
	}
	e := &entry{slug: slug}
	c.entries[slug] = c.order.PushFront(e)
	return e
}

// drop forgets an entry.
func (c *cache) drop(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found, ok := c.entries[e.slug]; ok && found.Value.(*entry) == e {
		c.remove(found)
	}
}

func (c *cache) remove(element *list.Element) {
	e := c.order.Remove(element).(*entry)
	delete(c.entries, e.slug)
	c.size -= e.size
	e.size = 0
}

// resize notes how many bytes a page takes, and drops those that nobody asked for the longest.
func (c *cache) resize(e *entry, to func(size int) int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found, ok := c.entries[e.slug]; !ok || found.Value.(*entry) != e {
		return // it was dropped meanwhile
	}
	size := to(e.size)
	c.size += size - e.size
	e.size = size
	for last := c.order.Back(); c.size > maxCached && last != nil && last.Value.(*entry) != e; last = c.order.Back() {
		c.remove(last)
	}
}

// weightOf is about how many bytes a view takes.
func weightOf(v *statuspage.View) int {
	const object = 200
	size := object + len(v.Page.Text) + len(v.Page.Announcement)
	for i := range v.Histories {
		size += object + len(v.Histories[i].Days)*int(daySize)
	}
	for i := range v.Page.Components {
		size += object + len(v.Page.Components[i].Text)
	}
	for i := range v.Incidents {
		size += object
		for j := range v.Incidents[i].Updates {
			size += object + len(v.Incidents[i].Updates[j].Text)
		}
	}
	for i := range v.Maintenances {
		size += object + len(v.Maintenances[i].Text)
	}
	return size
}
