package fetch

import "sync"

// cache remembers what is costly to make, up to so many bytes. It has two generations, so that old entries go by dropping
// a map. A failure is not remembered.
type cache[K comparable, V any] struct {
	room int // bytes of a generation

	mu              sync.Mutex
	entries, former map[K]entry[V]
	used            int // bytes of entries
	making          map[K]*making[V]
}

type entry[V any] struct {
	value V
	size  int
}

// making is an entry under construction, which may be read once done is closed.
type making[V any] struct {
	done chan struct{}
	entry[V]
	err error
}

// get returns what belongs to key: what is known, or what build makes, with its size in bytes. Those who ask for the same
// at the same time share what one of them builds.
func (c *cache[K, V]) get(key K, build func() (V, int, error)) (V, error) {
	c.mu.Lock()
	e, ok := c.entries[key]
	if !ok {
		if e, ok = c.former[key]; ok {
			c.put(key, e)
		}
	}
	if ok {
		c.mu.Unlock()
		return e.value, nil
	}
	if m, underway := c.making[key]; underway {
		c.mu.Unlock()
		<-m.done
		return m.value, m.err
	}
	m := &making[V]{done: make(chan struct{}), err: errPanic}
	if c.making == nil {
		c.making = make(map[K]*making[V])
	}
	c.making[key] = m
	c.mu.Unlock()

	defer func() { // also when build panics
		c.mu.Lock()
		delete(c.making, key)
		if m.err == nil {
			c.put(key, m.entry)
		}
		c.mu.Unlock()
		close(m.done)
	}()
	m.value, m.size, m.err = build()
	return m.value, m.err
}

// put notes an entry, unless it would push most of the others out.
func (c *cache[K, V]) put(key K, e entry[V]) {
	if e.size > c.room/4 {
		return
	}
	if c.entries == nil || c.used+e.size > c.room {
		c.entries, c.former, c.used = make(map[K]entry[V]), c.entries, 0
	}
	c.entries[key] = e
	c.used += e.size
}
