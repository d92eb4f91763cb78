package cron

import "time"

// Limit is how many requests of one kind a fixed window may hold. Windows begin at multiples of their length since 1970
// (UTC), so that all nodes see the same ones.
type Limit struct {
	Kind    int // what is counted; package service has the list. The numbers are stored
	Subject int64
	Window  time.Duration
	Max     int
}

// Start is when the window began that now lies in.
func (l *Limit) Start(now time.Time) time.Time {
	window := l.Window.Milliseconds()
	return time.UnixMilli(now.UnixMilli() / window * window).UTC()
}
