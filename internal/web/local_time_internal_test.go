package web

import (
	"testing"
	"time"

	"punctual/internal/cron"
)

// TestLocalTime reads times that a clock shows twice, once and never, east and west of Greenwich.
func TestLocalTime(t *testing.T) {
	for _, tt := range []struct{ zone, text, want string }{
		{"Europe/Berlin", "2027-10-31T01:59", "2027-10-30T23:59:00Z"},
		{"Europe/Berlin", "2027-10-31T02:00", "2027-10-31T00:00:00Z"}, // and 01:00
		{"Europe/Berlin", "2027-10-31T02:59:59", "2027-10-31T00:59:59Z"},
		{"Europe/Berlin", "2027-10-31T03:00", "2027-10-31T02:00:00Z"},
		{"Europe/Berlin", "2027-10-31T05:30", "2027-10-31T04:30:00Z"},
		{"America/New_York", "2027-11-07T00:59", "2027-11-07T04:59:00Z"},
		{"America/New_York", "2027-11-07T01:30", "2027-11-07T05:30:00Z"}, // and 06:30
		{"America/New_York", "2027-11-07T02:00", "2027-11-07T07:00:00Z"},
		{"Australia/Lord_Howe", "2027-04-04T01:45", "2027-04-03T14:45:00Z"}, // and 15:15, as clocks are set back by half an hour
		{"Europe/Berlin", "2027-03-28T01:59", "2027-03-28T00:59:00Z"},
		{"Europe/Berlin", "2027-03-28T03:00", "2027-03-28T01:00:00Z"},
		{"UTC", "2027-10-31T02:30", "2027-10-31T02:30:00Z"},
	} {
		zone, err := cron.LoadZone(tt.zone)
		if err != nil {
			t.Fatal(err)
		}
		var c cron.Checker
		at := localTimeIn(tt.text, zone, "at", &c)
		if got := at.UTC().Format(time.RFC3339); got != tt.want {
			t.Errorf("%s in %s is %s, want %s", tt.text, tt.zone, got, tt.want)
		}
		if again := localTimeIn(localTimeText(at, zone), zone, "at", &c); !again.Equal(at) {
			t.Errorf("%s in %s is %v when it is read again", tt.text, tt.zone, again)
		}
	}
}
