package store

import (
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
)

// TestDefinitionCache attacks the cache: by an account with many jobs, by large rows, and by jobs that are never due again.
func TestDefinitionCache(t *testing.T) {
	t.Parallel()
	var (
		c     definitionCache
		now   = time.Unix(1_800_000_000, 0)
		stamp = definitionStamp{transaction: 7, version: 1}
		row   = packedRow(strings.Repeat("x", 200))
		next  int64
	)
	fill := func(account int64) (kept int64) { // with as many rows as the whole cache takes
		before := c.accounts[account]
		for range keptBytes/(len(row)+keptRowCost) + 1 {
			next++
			c.put(next, account, stamp, row, now)
		}
		return c.accounts[account] - before
	}
	get := func(job int64, stamp definitionStamp) bool { _, ok := c.get(job, stamp, now); return ok }

	c.put(1, 1, stamp, row, now)
	for _, other := range []definitionStamp{{8, 1, 0}, {7, 2, 0}, {7, 1, 1}} {
		if get(1, other) {
			t.Errorf("a row with the stamp %v was taken for one with %v", stamp, other)
		}
	}
	if !get(1, stamp) || get(2, stamp) {
		t.Error("the row is not found by its job and its stamp")
	}
	c.put(1, 1, definitionStamp{8, 2, 0}, packedRow(strings.Repeat("x", keptRowBytes+1)), now)
	if get(1, stamp) || c.bytes != 0 || len(c.accounts) != 0 {
		t.Errorf("%d bytes of a row that was replaced by a large one are left", c.bytes)
	}

	if kept := fill(1); kept > keptBytes/2 || kept < keptBytes/2-1000 {
		t.Errorf("the first account has %d bytes", kept)
	}
	if kept := fill(2); kept > keptBytes/keptShare || kept < keptBytes/keptShare-1000 {
		t.Errorf("the second account has %d bytes", kept)
	}
	for account := int64(3); account < 20; account++ {
		fill(account)
	}
	if c.bytes > keptBytes || c.bytes < keptBytes-1000 {
		t.Errorf("all accounts have %d bytes", c.bytes)
	}
	next++
	if c.put(next, 50, stamp, row, now); get(next, stamp) {
		t.Error("a full cache has taken one more")
	}

	now = now.Add(keptUnused)
	for job := range int64(100) { // are due
		get(job+1, stamp)
	}
	next++
	if c.put(next, 50, stamp, row, now); !get(next, stamp) || !get(100, stamp) || get(101, stamp) {
		t.Error("what has not been due for long did not make room, or something else did")
	}
	sum := int64(0)
	for _, k := range c.rows {
		sum += k.size()
	}
	if sum != c.bytes || c.accounts[50] != int64(len(row))+keptRowCost {
		t.Errorf("%d bytes are counted of %d", c.bytes, sum)
	}
	if c.forget(); get(next, stamp) || c.bytes != 0 {
		t.Error("a row is left")
	}
}

// FuzzPackedRow packs values and reads them again, and reads what is no packed row.
func FuzzPackedRow(f *testing.F) {
	f.Add(int64(-1), "text", []byte("bytes"), 1.5, true)
	f.Add(int64(1)<<62, "", []byte(nil), -2.5, false)
	f.Fuzz(func(t *testing.T, number int64, s string, bytes []byte, real float64, is bool) {
		type row struct {
			number int64
			text   string
			bytes  []byte
			real   float64
			is     bool
		}
		fields := func(r *row) []field {
			return []field{integer(&r.number), text(&r.text), blob(&r.bytes), realField{&r.real}, flag(&r.is)}
		}
		in, out := row{number, s, bytes, real, is}, row{9, "former", []byte("former"), 9, !is}
		packed := pack(fields(&in))
		if err := packed.scan(fields(&out)); err != nil {
			t.Fatal(err)
		}
		if out.number != in.number || out.text != in.text || string(out.bytes) != string(in.bytes) || (out.bytes == nil) != (in.bytes == nil) ||
			out.real != in.real && in.real == in.real || out.is != in.is {
			t.Errorf("%v was read as %v", in, out)
		}
		for n := range len(packed) {
			if packed[:n].scan(fields(&out)) == nil {
				t.Errorf("the first %d of %d bytes were read as a row", n, len(packed))
			}
		}
		_ = packedRow(s).scan(fields(&out))
		_ = packedRow(bytes).scan(fields(&out))
	})
}

// BenchmarkPackedRow reads an ordinary row.
func BenchmarkPackedRow(b *testing.B) {
	var (
		j              = cron.NewJob()
		success, names string
		list           []field
	)
	j.Title, j.Request.URL, j.Schedule.Timezone = "an ordinary job", "https://www.example.com/cron.php?task=hourly", "Europe/Berlin"
	for _, f := range targets(claimedJob(&j, &success, &names)) {
		list = append(list, f.(field))
	}
	packed := pack(list)
	b.ReportAllocs()
	for b.Loop() {
		if err := packed.scan(list); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(packed)), "bytes")
}
