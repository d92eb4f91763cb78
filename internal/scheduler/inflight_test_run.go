package scheduler

import "punctual/internal/cron"

// testShare is the part of the slots, of the places at a host, and of the bytes of large jobs that test runs can have: one
// in testShare, and always room for one test run.
const testShare = 8

// testPlace is the room that a test run takes.
type testPlace struct {
	account, bytes int64
	host           string
	inHost         bool // host counts it
}

// testRoom tells whether another test run could start now.
func (f *inFlight) testRoom() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.testRoomLocked()
}

// testRoomLocked leaves the slots to a claim that is under way, which counts those that it takes afterwards.
func (f *inFlight) testRoomLocked() bool {
	return !f.claiming && f.freeLocked() > 0 && f.tests < max(1, f.slots/testShare)
}

// reserveTest takes the room of a test run apart from that of its host; false when there is not enough. host is known to
// be its host; empty when that is not known.
func (f *inFlight) reserveTest(t *testPlace, p *cron.Plan, host string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.testRoomLocked() || host != "" && !f.hostRoom(host) {
		return false
	}
	has := f.accounts[t.account]
	if has.inFlight >= min(shareFactor*f.freeLocked(), accountLimit(p)) {
		return false
	}
	if t.bytes > 0 && (t.bytes > bytesFree(f.defined, has.bytes) ||
		f.testBytes > 0 && f.testBytes+t.bytes > maxDefinitionBytes/testShare) {
		return false
	}
	f.tests++
	f.testBytes += t.bytes
	f.take(t.account, p, t.bytes)
	return true
}

// hostRoom tells whether a host has a place for a test run.
func (f *inFlight) hostRoom(host string) bool {
	return f.hosts[host] < f.perHost && f.testHosts[host] < max(1, f.perHost/testShare)
}

// enterHost takes a place of a test run at its host; false when the host has none.
func (f *inFlight) enterHost(t *testPlace, host string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.hostRoom(host) {
		return false
	}
	f.hosts[host]++
	f.testHosts[host]++
	t.host, t.inHost = host, true
	return true
}

// endTest gives back the room of a test run, apart from its place among the test runs.
func (f *inFlight) endTest(t *testPlace) {
	f.mu.Lock()
	f.giveBack(t.account, t.bytes)
	f.testBytes -= t.bytes
	if t.inHost {
		leave(f.hosts, t.host)
		leave(f.testHosts, t.host)
	}
	f.mu.Unlock()
	f.signal()
}

// testRecorded gives back the place of a test run among the test runs.
func (f *inFlight) testRecorded() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tests--
}
