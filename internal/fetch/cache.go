package fetch

import "sync"

// cache remembers what is costly to make. It has two generations, so that old entries go by dropping a map.
type cache[K comparable, V any] struct {
	size int // of a generation

	mu              sync.Mutex
	entries, former map[K]V
}

// get returns what belongs to key: what is known, or what build makes.
func (c *cache[K, V]) get(key K, build func() (V, error)) (V, error) {
	c.mu.Lock()
	v, ok := c.entries[key]
	if !ok {
		if v, ok = c.former[key]; ok {
			c.put(key, v)
		}
	}
	c.mu.Unlock()
	if ok {
		return v, nil
	}
	v, err := build()
	if err == nil {
		c.mu.Lock()
		c.put(key, v)
		c.mu.Unlock()
	}
	return v, err
}

func (c *cache[K, V]) put(key K, v V) {
	if c.entries == nil || len(c.entries) >= c.size {
		c.entries, c.former = make(map[K]V), c.entries
	}
	c.entries[key] = v
}
