package fetch

import "sync"

// cache keeps values that are expensive to build. It has two generations of at most capacity bytes each, so that old
// entries are evicted by dropping a map. Failures are not cached.
type cache[K comparable, V any] struct {
	capacity int // bytes per generation

	mu                sync.Mutex
	entries, previous map[K]entry[V]
	used              int // bytes of entries
	pending           map[K]*pendingEntry[V]
}

type entry[V any] struct {
	value V
	size  int
}

// pendingEntry is an entry that is being built. It can be read once done is closed.
type pendingEntry[V any] struct {
	done chan struct{}
	entry[V]
	err error
}

// get returns the cached value of key, or calls build, which returns a new value and its size in bytes. Concurrent calls
// for the same key share one call of build.
func (c *cache[K, V]) get(key K, build func() (V, int, error)) (V, error) {
	c.mu.Lock()
	e, ok := c.entries[key]
	if !ok {
		if e, ok = c.previous[key]; ok {
			c.put(key, e)
		}
	}
	if ok {
		c.mu.Unlock()
		return e.value, nil
	}
	if m, isPending := c.pending[key]; isPending {
		c.mu.Unlock()
		<-m.done
		return m.value, m.err
	}
	m := &pendingEntry[V]{done: make(chan struct{}), err: errPanic}
	if c.pending == nil {
		c.pending = make(map[K]*pendingEntry[V])
	}
	c.pending[key] = m
	c.mu.Unlock()

	defer func() { // also when build panics
		c.mu.Lock()
		delete(c.pending, key)
		if m.err == nil {
			c.put(key, m.entry)
		}
		c.mu.Unlock()
		close(m.done)
	}()
	m.value, m.size, m.err = build()
	return m.value, m.err
}

// put adds an entry, unless it would take more than a quarter of a generation.
func (c *cache[K, V]) put(key K, e entry[V]) {
	if e.size > c.capacity/4 {
		return
	}
	if c.entries == nil || c.used+e.size > c.capacity {
		c.entries, c.previous, c.used = make(map[K]entry[V]), c.entries, 0
	}
	c.entries[key] = e
	c.used += e.size
}
