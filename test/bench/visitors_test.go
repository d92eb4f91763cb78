package main

import (
	"bytes"
	"strings"
	"testing"

	"punctual/test/harness"
)

// TestVisitors has a few visitors, and checks what is reported, without the measured times.
func TestVisitors(t *testing.T) {
	t.Parallel()
	v := &visitors{people: 300, connections: 50, requests: 10}
	v.busy = true
	v.binary, v.firstPort = harness.Binary(t), 21701
	r, err := v.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Visits) != 5 {
		t.Errorf("there are %d kinds of requests", len(r.Visits))
	}
	for i, x := range r.Visits {
		if want := []int{v.people, v.connections * v.requests}[min(i, 1)]; x.Requests != want || x.Failed > 0 || (x.Bytes == 0) != (x.Name == "not modified") {
			t.Errorf("the report is %+v", x)
		}
	}
	if f := r.Followers; f.Streams == 0 || f.Streams+f.Refreshed != v.people || f.Failed > 0 || f.Told != f.Streams {
		t.Errorf("of events it says %+v", f)
	}
	var table bytes.Buffer
	if r.print(&table); !strings.Contains(table.String(), "not modified") {
		t.Error(table.String())
	}
}
