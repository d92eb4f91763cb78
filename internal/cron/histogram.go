package cron

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
	"slices"
	"time"
)

// Histogram counts durations with a resolution of 1 µs in log-linear buckets, as HDR histograms do. Below 32 µs each value
// has its own bucket. Above, there are 16 buckets per power of two, so the relative error of a quantile is at most 1/32.
// Histograms can be merged. The zero value is empty.
type Histogram struct {
	counts  []bucketCount // the non-empty buckets in ascending order
	total   int64
	longest int64 // the exact maximum
}

type bucketCount struct {
	bucket int
	count  int64
}

const (
	bucketBits = 4 // 16 buckets per power of two
	maxBuckets = (64 - bucketBits) << bucketBits
)

func bucketOf(us int64) int {
	shift := max(bits.Len64(uint64(us))-bucketBits-1, 0)
	return shift<<bucketBits + int(us>>shift)
}

// middle returns the value in the middle of a bucket.
func middle(bucket int) int64 {
	shift := max(bucket>>bucketBits-1, 0)
	return int64(bucket-shift<<bucketBits)<<shift + (int64(1)<<shift-1)/2
}

// Add counts a duration. A negative one counts as 0.
func (h *Histogram) Add(d time.Duration) {
	us := max(d.Microseconds(), 0)
	h.add(bucketOf(us), 1)
	h.longest = max(h.longest, us)
}

func (h *Histogram) add(bucket int, count int64) {
	i := len(h.counts)
	for i > 0 && h.counts[i-1].bucket > bucket {
		i--
	}
	if i > 0 && h.counts[i-1].bucket == bucket {
		h.counts[i-1].count += count
	} else {
		h.counts = slices.Insert(h.counts, i, bucketCount{bucket, count})
	}
	h.total += count
}

// Merge adds the counts of another histogram, in one pass over both.
func (h *Histogram) Merge(o *Histogram) {
	if o.total == 0 {
		return
	}
	h.total += o.total
	h.longest = max(h.longest, o.longest)
	merged := make([]bucketCount, 0, len(h.counts)+len(o.counts))
	mine, others := h.counts, o.counts
	for len(mine) > 0 && len(others) > 0 {
		switch a, b := mine[0], others[0]; {
		case a.bucket < b.bucket:
			merged, mine = append(merged, a), mine[1:]
		case a.bucket > b.bucket:
			merged, others = append(merged, b), others[1:]
		default:
			merged, mine, others = append(merged, bucketCount{a.bucket, a.count + b.count}), mine[1:], others[1:]
		}
	}
	h.counts = append(append(merged, mine...), others...)
}

// Count returns the number of durations counted.
func (h *Histogram) Count() int64 { return h.total }

// Max returns the longest duration, or 0 if the histogram is empty.
func (h *Histogram) Max() time.Duration { return time.Duration(h.longest) * time.Microsecond }

// Quantile returns the given quantile, from 0 to 1, such as 0.99. It is 0 if the histogram is empty.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := max(int64(math.Ceil(q*float64(h.total))), 1)
	for _, c := range h.counts {
		if rank -= c.count; rank <= 0 {
			return time.Duration(min(middle(c.bucket), h.longest)) * time.Microsecond
		}
	}
	return 0
}

// append encodes the histogram as unsigned varints: the number of buckets, for each the difference of its index to the one
// before and its count, and the longest duration.
func (h *Histogram) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(h.counts)))
	last := 0
	for _, c := range h.counts {
		b = binary.AppendUvarint(b, uint64(c.bucket-last))
		b = binary.AppendUvarint(b, uint64(c.count))
		last = c.bucket
	}
	return binary.AppendUvarint(b, uint64(h.longest))
}

var errTally = errors.New("a tally is damaged")

// read decodes a histogram from append and returns the rest of b.
func (h *Histogram) read(b []byte) ([]byte, error) {
	*h = Histogram{}
	used, b, err := readNumber(b)
	if err != nil || used > maxBuckets {
		return nil, errTally
	}
	h.counts = make([]bucketCount, 0, used)
	bucket := int64(0)
	for range used {
		var distance, count int64
		if distance, b, err = readNumber(b); err != nil {
			return nil, err
		}
		if count, b, err = readNumber(b); err != nil {
			return nil, err
		}
		if bucket += min(distance, maxBuckets); bucket >= maxBuckets || count > math.MaxInt64-h.total {
			return nil, errTally
		}
		h.add(int(bucket), count)
	}
	h.longest, b, err = readNumber(b)
	return b, err
}

func readNumber(b []byte) (int64, []byte, error) {
	n, length := binary.Uvarint(b)
	if length <= 0 || n > math.MaxInt64 {
		return 0, nil, errTally
	}
	return int64(n), b[length:], nil
}
