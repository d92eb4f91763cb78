package cron

import "time"

// RateLimit is the number of requests of one kind that fit into a fixed window of time. Windows start at multiples of
// their length since 1970 (UTC), so that all nodes count in the same ones.
type RateLimit struct {
	Kind    int   // what is counted; package service has the list. The numbers are stored
	Subject int64 // who is counted: an account or an API key
	Window  time.Duration
	Max     int
}

// Excess is a limit that a request exceeds. The zero value is none.
type Excess struct {
	Kind int           // of the RateLimit
	Wait time.Duration // until its window ends; positive
}

// Start is the start of the window that contains now.
func (l *RateLimit) Start(now time.Time) time.Time {
	window := l.Window.Milliseconds()
	return time.UnixMilli(now.UnixMilli() / window * window).UTC()
}
