package cron

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
)

// What a call says about itself is derived from the execution and hashed with the random ID of the installation, so that
// it is the same on every node and for every attempt, differs between installations and reveals nothing.

// AppendID appends the ID of an execution, or "test-" and the ID of a test run, to b.
func (a *Attempt) AppendID(b []byte) []byte {
	if a.Test {
		b = append(b, "test-"...)
	}
	return strconv.AppendInt(b, a.Execution, 10)
}

// The hashes of a call.
const (
	hashOccurrence byte = 1
	hashTrace      byte = 2
	hashSpan       byte = 3
)

// hash hashes what identifies the occurrence of the call or, for a span, its execution.
func (c *Call) hash(purpose byte) [sha256.Size]byte {
	a := &c.Attempt
	var room [64]byte
	b := append(room[:0], "punctual"...)
	b = append(b, purpose)
	b = append(b, c.Installation[:]...)
	switch {
	case a.Test:
		b = binary.BigEndian.AppendUint64(append(b, 't'), uint64(a.Execution))
	case purpose == hashSpan:
		b = binary.BigEndian.AppendUint64(append(b, 'e'), uint64(a.Execution))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 'o', byte(a.Kind)), uint64(c.JobID))
		b = binary.BigEndian.AppendUint64(b, uint64(a.Planned.UnixMilli()))
	}
	return sha256.Sum256(b)
}

// AppendOccurrence appends the key of the occurrence to b, which all its attempts have in common: a UUID of version 8
// (RFC 9562, section 5.8).
func (c *Call) AppendOccurrence(b []byte) []byte {
	id := c.hash(hashOccurrence)
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80
	for i, end := range [...]int{4, 6, 8, 10, 16} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, id[[...]int{0, 4, 6, 8, 10}[i]:end])
	}
	return b
}

// AppendTraceparent appends the value of the header traceparent to b (W3C Trace Context, version 00, sampled). The trace
// is that of the occurrence, the span that of the execution.
func (c *Call) AppendTraceparent(b []byte) []byte {
	trace, span := c.hash(hashTrace), c.hash(hashSpan)
	trace[0] |= 0x80 // an ID of zeros is invalid
	span[0] |= 0x80
	b = append(b, "00-"...)
	b = append(hex.AppendEncode(b, trace[:16]), '-')
	b = hex.AppendEncode(b, span[:8])
	return append(b, "-01"...)
}
