package cron

import (
	"bytes"
	"strconv"
)

// Head returns the status line and the header lines of the response, as they were received: those of the final response,
// without those of interim ones (RFC 9110, section 15.2). The header lines are nil unless all of them were kept; they end
// with the empty line.
func (h *Hop) Head() (statusLine string, headers []byte) {
	rest := h.Response
	for {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			return "", nil
		}
		line := bytes.TrimRight(rest[:i], "\r")
		rest = rest[i+1:]
		end := headEnd(rest)
		if !isInterim(line) {
			if end < 0 {
				return string(line), nil
			}
			return string(line), rest[:end]
		}
		if end < 0 {
			return "", nil
		}
		rest = rest[end:]
	}
}

// headEnd is where the header lines at the start of text end, with their empty line; -1 when that is missing.
func headEnd(text []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(text[at:], '\n')
		if i < 0 {
			return -1
		}
		empty := len(bytes.TrimRight(text[at:at+i], "\r")) == 0
		if at += i + 1; empty {
			return at
		}
	}
}

// isInterim reports whether a status line is that of a response that another one follows.
func isInterim(line []byte) bool {
	_, rest, _ := bytes.Cut(line, []byte(" "))
	text, _, _ := bytes.Cut(bytes.TrimLeft(rest, " "), []byte(" "))
	code, err := strconv.Atoi(string(text))
	return err == nil && len(text) == 3 && code/100 == 1 && code != 101
}
