package store

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"
)

// TestPause has many nodes fail to connect, again and again: they wait longer each time, up to a bound, and not equally long.
func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failed := errors.New("nobody listens")
		lengths := make(map[time.Duration]bool)
		var p pause
		if err := p.over(); err != nil {
			t.Errorf("before a failure: %v", err)
		}
		for i := range 50 {
			began := time.Now()
			p.begin(failed)
			p.begin(failed) // one that began earlier
			if err := p.over(); !errors.Is(err, failed) {
				t.Errorf("during the pause: %v", err)
			}
			for p.over() != nil {
				time.Sleep(time.Millisecond)
			}
			length := time.Since(began)
			if length > longestPause+time.Millisecond || i > 10 && length < longestPause*2/3 {
				t.Errorf("pause %d takes %v", i, length)
			}
			if i > 10 {
				lengths[length] = true
			}
			time.Sleep(time.Millisecond)
		}
		if len(lengths) < 10 {
			t.Errorf("the pauses have only %d lengths", len(lengths))
		}
		p.begin(failed)
		p.end()
		if err := p.over(); err != nil {
			t.Errorf("after a success: %v", err)
		}
	})
}

// TestCallersDoNotPause has callers whose time is over before they are connected. Others are not kept from connecting.
func TestCallersDoNotPause(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	l, err := newLink("postgres://u@"+silent.Addr().String()+"/x?sslmode=disable", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	d := &dialer{link: l, session: &session{version: oldestServer, durable: true}, class: classAccount}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := d.Connect(ctx); err == nil {
		t.Fatal("a server that says nothing is taken")
	}
	if err := l.pause.over(); err != nil {
		t.Errorf("a caller without time has made others wait: %v", err)
	}
}

// TestLinkHosts divides URLs by host, with the ways to use TLS of each.
func TestLinkHosts(t *testing.T) {
	for address, want := range map[string]struct {
		hosts   string
		timeout time.Duration
		any     bool
	}{
		"postgres://u@a/x?sslmode=disable":                                        {"a:5432", connectTimeout, true},
		"postgres://u@a,b:5433/x":                                                 {"a:5432+1 b:5433+1", hostTimeout, true},
		"postgres://u@a,b/x?sslmode=require&target_session_attrs=read-write":      {"a:5432 b:5432", hostTimeout, false},
		"postgres://u@a,b,c/x?sslmode=disable&connect_timeout=7&lock_timeout=30s": {"a:5432 b:5432 c:5432", 7 * time.Second, true},
	} {
		l, err := newLink(address, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		var hosts []string
		for _, h := range l.hosts {
			hosts = append(hosts, pgAddress(h)+strings.Repeat("+1", len(h.Fallbacks)))
			if h.ConnectTimeout != want.timeout {
				t.Errorf("%s: %v for a host, want %v", address, h.ConnectTimeout, want.timeout)
			}
		}
		if got := strings.Join(hosts, " "); got != want.hosts || l.any != want.any {
			t.Errorf("%s has %s, %t; want %s, %t", address, got, l.any, want.hosts, want.any)
		}
	}
}

// TestSessionSettings makes the settings of sessions by startup parameters, which the URL may have, or else of each transaction.
func TestSessionSettings(t *testing.T) {
	l, err := newLink("postgres://u@a/x?lock_timeout=30s", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	given := l.hosts[0].RuntimeParams
	direct := &session{given: given, version: 17, durable: true}
	got := direct.configure(l.hosts[0], classAccount).RuntimeParams
	for name, want := range map[string]string{"lock_timeout": "30s", "statement_timeout": "0", "transaction_timeout": "0", "synchronous_commit": ""} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if local := direct.local(classClaim); local != "" {
		t.Errorf("a session sets %s in each transaction", local)
	}
	pooled := &session{given: given, version: 15, pooled: true}
	c := pooled.configure(l.hosts[0], classClaim)
	if len(c.RuntimeParams) != 1 || c.DefaultQueryExecMode != pgx.QueryExecModeCacheDescribe { // but application_name
		t.Errorf("a pooler gets %v, %v", c.RuntimeParams, c.DefaultQueryExecMode)
	}
	local := pooled.local(classClaim)
	for _, setting := range []string{"plan_cache_mode = 'force_generic_plan'", "synchronous_commit = 'on'", "statement_timeout = '0'", "lock_timeout = '30s'"} {
		if !strings.Contains(local, "SET LOCAL "+setting+"; ") {
			t.Errorf("a transaction lacks %s: %s", setting, local)
		}
	}
	if strings.Contains(local, "transaction_timeout = ") || strings.Contains(local, "tcp_") || strings.Contains(local, "default_") {
		t.Errorf("a transaction sets what it cannot: %s", local)
	}
}
