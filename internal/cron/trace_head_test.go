package cron

import (
	"strings"
	"testing"
	"time"
)

func TestHeadOfAHop(t *testing.T) {
	for name, tt := range map[string]struct{ response, line, headers string }{
		"nothing":            {"", "", ""},
		"a part of a line":   {"HTTP/1.1 20", "", ""},
		"a line":             {"HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK", ""},
		"a part of a header": {"HTTP/1.1 200 OK\r\nA: b\r\nC", "HTTP/1.1 200 OK", ""},
		"a head":             {"HTTP/1.1 200 OK\r\nA: b\r\n\r\n", "HTTP/1.1 200 OK", "A: b\r\n\r\n"},
		"no header":          {"HTTP/1.1 200 OK\r\n\r\nA: b\r\n\r\n", "HTTP/1.1 200 OK", "\r\n"},
		"a body":             {"HTTP/1.1 200 OK\nA: b\n\nC: d\r\n\r\n", "HTTP/1.1 200 OK", "A: b\n\n"},
		"interim ones": {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.0 404\r\nC: d\r\n\r\n", "HTTP/1.0 404",
			"C: d\r\n\r\n"},
		"an interim one only":            {"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n", "", ""},
		"a part of an interim one":       {"HTTP/1.1 103 Early Hints\r\nA: b\r\n", "", ""},
		"another protocol":               {"HTTP/1.1 101 Switching\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 101 Switching", "\r\n"},
		"no HTTP":                        {"SSH-2.0-OpenSSH\r\n100\r\n\r\n", "SSH-2.0-OpenSSH", "100\r\n\r\n"},
		"an interim code that is longer": {"HTTP/1.1 1000\r\n\r\n", "HTTP/1.1 1000", "\r\n"},
		"many interim ones":              {strings.Repeat("HTTP/1.1 100\n\n", 10_000) + "HTTP/1.1 200\n\n", "HTTP/1.1 200", "\n"},
	} {
		line, headers := (&Hop{Response: []byte(tt.response)}).Head()
		if line != tt.line || string(headers) != tt.headers || headers == nil != (tt.headers == "") {
			t.Errorf("%s: %q, %q", name, line, headers)
		}
	}
}

func FuzzHeadOfAHop(f *testing.F) {
	f.Add([]byte("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\nbody"))
	f.Fuzz(func(t *testing.T, response []byte) {
		line, headers := (&Hop{Response: response}).Head()
		if !strings.Contains(string(response), line) || !strings.Contains(string(response), string(headers)) || strings.Contains(line, "\n") {
			t.Errorf("%q has the status line %q and the headers %q", response, line, headers)
		}
	})
}

func TestWhyADialFailed(t *testing.T) {
	const url = "https://example.org/"
	for fault, want := range map[Fault]Cause{
		FaultNone: CauseNone, FaultLost: CauseNone, FaultRefused: CauseRefused, FaultUnreachable: CauseUnreachable,
		FaultConnectTimeout: CauseConnectTimeout, FaultMetadata: CauseMetadata, FaultNotGlobal: CauseNotGlobal, FaultShortage: CauseShortOfFiles,
	} {
		d := Dial{Address: "192.0.2.1:443", Fault: fault}
		if got := d.Why(url); got.Cause != want || want == CauseRefused && (got.Host != "example.org" || got.Address.String() != d.Address) {
			t.Errorf("fault %d: %+v", fault, got)
		}
	}
}

func TestWhyATestRunFailed(t *testing.T) {
	silent := Diagnosis{Cause: CauseSilent, Wait: time.Second}
	for name, tt := range map[string]struct {
		run  TestRun
		want Diagnosis
	}{
		"it waits":             {TestRun{}, Diagnosis{}},
		"it is about to end":   {TestRun{State: TestRunning, Ends: true}, Diagnosis{}},
		"it succeeded":         {TestRun{State: TestFinished, Result: Result{Status: StatusOK}}, Diagnosis{}},
		"it failed":            {TestRun{State: TestFinished, Result: Result{Status: StatusTimeout, Fault: FaultTimeout}, Diagnosis: silent}, silent},
		"it failed before":     {TestRun{State: TestFinished, Ends: true, Result: Result{Fault: FaultTimeout}, Diagnosis: silent}, silent},
		"somebody ended it":    {TestRun{State: TestFinished, Ends: true, Result: Lost()}, Diagnosis{Cause: CauseEnded}},
		"its node has stopped": {TestRun{State: TestFinished, Result: Lost()}, Diagnosis{Cause: CauseTestLost, Remedy: RemedyStartAgain}},
	} {
		if got := tt.run.Why(); got != tt.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
