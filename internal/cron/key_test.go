package cron

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParsePrefix(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.1": "192.0.2.1/32", "192.0.2.7/24": "192.0.2.0/24", "0.0.0.0/0": "0.0.0.0/0", "::ffff:192.0.2.1": "192.0.2.1/32",
		"2001:db8::1": "2001:db8::1/128", "2001:db8::1/32": "2001:db8::/32", "::/0": "::/0",
		"": "", "x": "", "192.0.2": "", "192.0.2.1/33": "", "192.0.2.1/": "", "fe80::1%eth0": "", "::ffff:192.0.2.1/120": "",
		" 192.0.2.1": "", "example.com": "",
	} {
		prefix, ok := ParsePrefix(text)
		if ok != (want != "") || ok && prefix.String() != want {
			t.Errorf("%q is %v, %v, want %q", text, prefix, ok, want)
		}
	}
}

func pointersOf(t *testing.T, err error, kind ErrorKind) (pointers []string) {
	t.Helper()
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Kind != kind {
		t.Fatalf("the error is %v, want kind %v", err, kind)
	}
	for _, p := range e.Problems {
		pointers = append(pointers, p.Pointer)
	}
	return pointers
}

func TestAcceptKey(t *testing.T) {
	now := time.Unix(1000, 0)
	many := make([]netip.Prefix, MaxKeyPrefixes+1)
	for _, tt := range []struct {
		name string
		key  APIKey
		want []string
	}{
		{"nothing", APIKey{}, nil},
		{"the bounds", APIKey{Title: strings.Repeat("ü", 128), Expires: now.Add(time.Second), AllowFrom: many[1:]}, nil},
		{"beyond them", APIKey{Title: strings.Repeat("x", 129), Expires: now, AllowFrom: many},
			[]string{"/title", "/expires", "/allowFrom"}},
		{"NUL", APIKey{Title: "\x00"}, []string{"/title"}},
		{"not UTF-8", APIKey{Title: "\xff"}, []string{"/title"}},
		{"unknown rights", APIKey{Scopes: 1 << 40}, []string{"/scopes"}},
	} {
		if got := pointersOf(t, tt.key.Accept(now), Invalid); !slices.Equal(got, tt.want) {
			t.Errorf("%s: problems at %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestKeyWithin(t *testing.T) {
	from := func(list ...string) (prefixes []netip.Prefix) {
		for _, p := range list {
			prefixes = append(prefixes, netip.MustParsePrefix(p))
		}
		return prefixes
	}
	soon, later := time.Unix(1000, 0), time.Unix(2000, 0)
	limited := APIKey{Scopes: ScopeRead | ScopeWrite, Expires: later, AllowFrom: from("192.0.2.0/24", "2001:db8::/32")}
	for _, tt := range []struct {
		name       string
		key, other APIKey
		want       []string
	}{
		{"of everything", limited, APIKey{}, nil},
		{"everything of everything", APIKey{}, APIKey{}, nil},
		{"of itself", limited, limited, nil},
		{"less", APIKey{Scopes: ScopeWrite, Expires: soon, AllowFrom: from("192.0.2.128/25")}, limited, nil},
		{"everything", APIKey{}, limited, []string{"/scopes", "/expires", "/allowFrom"}},
		{"another scope", APIKey{Scopes: ScopeWrite}, APIKey{Scopes: ScopeRead}, []string{"/scopes"}},
		{"one scope more", APIKey{Scopes: ScopeRead | ScopeWrite}, APIKey{Scopes: ScopeRead}, []string{"/scopes"}},
		{"a later end", APIKey{Expires: later}, APIKey{Expires: soon}, []string{"/expires"}},
		{"a wider range", APIKey{AllowFrom: from("192.0.2.0/23")}, APIKey{AllowFrom: from("192.0.2.0/24")}, []string{"/allowFrom"}},
		{"another family", APIKey{AllowFrom: from("::/0")}, APIKey{AllowFrom: from("0.0.0.0/0")}, []string{"/allowFrom"}},
		{"a lower role", APIKey{Role: RoleEditor}, APIKey{Role: RoleOwner, Operator: true}, nil},
		{"a higher role", APIKey{Role: RoleOwner}, APIKey{Role: RoleEditor}, []string{"/role"}},
		{"the operator's, of another", APIKey{Operator: true}, APIKey{}, []string{"/operator"}},
		{"one range of several", APIKey{AllowFrom: from("192.0.2.0/25", "198.51.100.0/24")}, limited,
			[]string{"/scopes", "/expires", "/allowFrom"}},
	} {
		if got := pointersOf(t, tt.key.Within(&tt.other), Forbidden); !slices.Equal(got, tt.want) {
			t.Errorf("%s: problems at %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestOffsetsOfAllZones(t *testing.T) {
	for _, at := range []time.Time{time.Unix(0, 0), time.Date(2030, 7, 1, 0, 0, 0, 0, time.UTC)} {
		offsets, err := EmbeddedZones().Offsets(at)
		if err != nil {
			t.Fatal(err)
		}
		names := ZoneNames()
		if len(offsets) != len(names) {
			t.Fatalf("%d offsets of %d zones", len(offsets), len(names))
		}
		for i, z := range offsets {
			loc, err := LoadZone(names[i])
			if err != nil {
				t.Fatal(err)
			}
			if _, want := at.In(loc).Zone(); z.Name != names[i] || z.Offset != time.Duration(want)*time.Second {
				t.Errorf("%s is %v at %v, want %d s", z.Name, z.Offset, at, want)
			}
		}
	}
}

func TestAFactorIsReportedAsItIs(t *testing.T) {
	j := NewJob()
	j.Request.URL, j.Policy.Retry.Factor = "http://a.example/", 0.5
	e, ok := errors.AsType[*Error](j.Accept(&Job{Request: j.Request}))
	if !ok || len(e.Problems) != 1 || e.Problems[0].Given != "0.5" {
		t.Errorf("the problems are %+v", e)
	}
}
