package fetch

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
)

// TestShortageIsTriedAgain has a lookup meet each kind of shortage a few times before it works.
func TestShortageIsTriedAgain(t *testing.T) {
	for number, what := range map[syscall.Errno]string{
		syscall.EMFILE: cron.ShortOfFiles, syscall.ENFILE: cron.ShortOfFiles, syscall.ENOMEM: cron.ShortOfMemory,
		syscall.ENOBUFS: cron.ShortOfMemory, syscall.EADDRNOTAVAIL: cron.ShortOfPorts,
	} {
		t.Run(number.Error(), func(t *testing.T) {
			var requests, asked atomic.Int32
			addr := serve(t, "127.0.0.1:0", func(conn net.Conn) {
				requests.Add(1)
				answering(okAnswer)(conn)
			})
			short := &net.DNSError{Err: "socket", UnwrapErr: os.NewSyscallError("socket", number)}
			client := New(Config{Resolver: resolverFunc(func(context.Context, string) ([]netip.Addr, error) {
				if asked.Add(1) <= 3 {
					return nil, short
				}
				return []netip.Addr{addr.Addr()}, nil
			})})
			r := client.Do(t.Context(), callTo(fmt.Sprintf("http://example.test:%d/", addr.Port())))
			checkSound(t, &r)
			if r.Status != cron.StatusOK || asked.Load() != 4 || requests.Load() != 1 {
				t.Errorf("%d lookups, %d requests: %+v", asked.Load(), requests.Load(), r)
			}

			client = New(Config{Resolver: resolverFunc(func(context.Context, string) ([]netip.Addr, error) { return nil, short })})
			call := callTo("http://example.test/")
			call.Timeout = 100 * time.Millisecond
			r = client.Do(t.Context(), call)
			checkSound(t, &r)
			if r.Status != cron.StatusInternalError || r.Fault != cron.FaultShortage || r.Detail != what {
				t.Errorf("one that lasts: %+v", r)
			}
		})
	}
}

func TestShortageUntilTheTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked int
		client := New(Config{Resolver: resolverFunc(func(ctx context.Context, _ string) ([]netip.Addr, error) {
			if asked++; asked > 5 {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return nil, syscall.EMFILE
		})})
		r := client.Do(t.Context(), callTo("http://example.test/"))
		if r.Status != cron.StatusInternalError || r.Fault != cron.FaultShortage {
			t.Errorf("the last try, which the timeout ended, is held against the target: %+v", r)
		}

		ctx, cancel := context.WithCancel(t.Context())
		asked = 0
		time.AfterFunc(time.Millisecond, cancel)
		if r := client.Do(ctx, callTo("http://example.test/")); r.Fault != cron.FaultLost {
			t.Errorf("a shutdown: %+v", r)
		}
	})
}

// lateContext has a deadline that has passed, but has not ended yet, as on a busy machine.
type lateContext struct{ context.Context }

func (lateContext) Deadline() (time.Time, bool) { return time.Now().Add(-time.Millisecond), true }

// TestShortageAndLateContext has a shortage use up the time, and the next try find that out before the context does.
func TestShortageAndLateContext(t *testing.T) {
	late := lateContext{t.Context()}
	address := netip.MustParseAddrPort("127.0.0.1:80")
	for name, last := range map[string]error{
		"lookup": lookupFault(os.ErrDeadlineExceeded, "example.test"), "dial": dialFault(os.ErrDeadlineExceeded, address),
	} {
		tries := 0
		err := retryShortage(late, func() error {
			if tries++; tries == 1 {
				return dialFault(syscall.EMFILE, address)
			}
			return last
		})
		if tries != 2 || !isShortage(err) {
			t.Errorf("%s: %v after %d tries", name, err, tries)
		}
	}
	short, slow := dialFault(syscall.EMFILE, address), dialFault(syscall.ETIMEDOUT, address)
	if err := blame(late, nil, slow); err != slow {
		t.Errorf("without a shortage: %v", err)
	}
	if err := blame(late, short, slow); err != short {
		t.Errorf("with a shortage: %v", err)
	}
	if err := blame(t.Context(), short, slow); err != slow {
		t.Errorf("with time left: %v", err)
	}
}

// TestShortageBeforeSilence has a server that does not respond in the time that a shortage has left it.
func TestShortageBeforeSilence(t *testing.T) {
	for _, scheme := range []string{"http", "https"} {
		addr := serve(t, "127.0.0.1:0", untilClosed)
		asked := 0
		client := New(Config{Resolver: resolverFunc(func(context.Context, string) ([]netip.Addr, error) {
			if asked++; asked == 1 {
				return nil, syscall.EMFILE
			}
			return []netip.Addr{addr.Addr()}, nil
		})})
		call := callTo(fmt.Sprintf("%s://example.test:%d/", scheme, addr.Port()))
		call.Timeout = 200 * time.Millisecond
		r := client.Do(t.Context(), call)
		checkSound(t, &r)
		if r.Status != cron.StatusInternalError || r.Fault != cron.FaultShortage || r.Detail != cron.ShortOfFiles {
			t.Errorf("%s: %+v", scheme, r)
		}
	}
}

// TestShortageIsSharedByLookups has the one who looks up run out of time while it meets a shortage, and so do those who wait.
func TestShortageIsSharedByLookups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		l := newLookups(resolverFunc(func(ctx context.Context, _ string) ([]netip.Addr, error) {
			asked++
			<-ctx.Done()
			return nil, syscall.EMFILE
		}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() { l.lookup(ctx, "a.test") })
		synctest.Wait()
		all.Go(func() {
			if _, err := l.lookup(t.Context(), "a.test"); err != syscall.EMFILE {
				t.Error(err)
			}
		})
		all.Wait()
		if asked != 1 {
			t.Errorf("%d lookups", asked)
		}
	})
}

// TestShortageOfCancelledAttempt has an attempt meet a shortage when it is cancelled in favour of another address.
func TestShortageOfCancelledAttempt(t *testing.T) {
	address := netip.MustParseAddrPort("127.0.0.1:80")
	r := newHappyEyeballs(New(Config{}), []netip.AddrPort{address}, time.Second, nil)
	r.end(&attempt{cancelled: true, cancel: func(error) {}, err: dialFault(syscall.EMFILE, address)})
	if err := pickError(r.errs); !isShortage(err) {
		t.Errorf("%v", err)
	}
}

// TestShortageOfOneAddress has a name of which one address refuses and the other met a shortage.
func TestShortageOfOneAddress(t *testing.T) {
	refused := dialFault(syscall.ECONNREFUSED, netip.MustParseAddrPort("127.0.0.1:80"))
	short := dialFault(syscall.EMFILE, netip.MustParseAddrPort("127.0.0.1:80"))
	late := dialFault(context.DeadlineExceeded, netip.MustParseAddrPort("127.0.0.1:80"))
	for _, errs := range [][]error{{refused, short}, {short, refused}, {late, short, refused}} {
		if err := pickError(errs); !isShortage(err) {
			t.Errorf("%v", err)
		}
	}
}

func TestSentRequestIsNotSentAgain(t *testing.T) {
	x := &exchange{client: New(Config{}), call: new(cron.Call)}
	f, _ := x.transferFault(&net.OpError{Op: "write", Err: syscall.ENOBUFS}).(*fault)
	if f.status != cron.StatusInternalError || f.fault != cron.FaultShortage {
		t.Errorf("%v", f)
	}
}

func TestRootsAreReadAgain(t *testing.T) {
	var reads int
	r := &roots{read: func() (*x509.CertPool, error) {
		if reads++; reads < 3 {
			return nil, &os.PathError{Op: "open", Path: "ca.crt", Err: syscall.EMFILE}
		}
		return x509.NewCertPool(), nil
	}}
	for want := range 5 {
		if _, err := r.get(); (err == nil) != (want >= 2) {
			t.Errorf("read %d: %v", want, err)
		}
	}
	if reads != 3 {
		t.Errorf("%d reads", reads)
	}
}

// TestRootsThatComeLate has a TLS exchange start while the authorities cannot be read.
func TestRootsThatComeLate(t *testing.T) {
	ca := newAuthority("roots")
	addr := serve(t, "127.0.0.1:0", overTLS(ca.server(), answeringTLS(okAnswer)))
	client := New(Config{})
	var reads int
	client.roots = &roots{read: func() (*x509.CertPool, error) {
		if reads++; reads < 3 {
			return nil, syscall.EMFILE
		}
		return ca.pool(), nil
	}}
	r := client.Do(t.Context(), callTo(fmt.Sprintf("https://%s/", addr)))
	if r.Status != cron.StatusOK || reads != 3 {
		t.Errorf("%d reads: %+v", reads, r)
	}

	client.roots = &roots{read: func() (*x509.CertPool, error) { return nil, os.ErrPermission }}
	call := callTo(fmt.Sprintf("https://%s/", addr))
	call.Timeout = 200 * time.Millisecond
	if r := client.Do(t.Context(), call); r.Status != cron.StatusInternalError || r.Detail != cron.ShortOfRoots {
		t.Errorf("roots that stay unreadable: %+v", r)
	}
}

// TestResolverThatWasNotConfigured has Go ask the server that it falls back to.
func TestResolverThatWasNotConfigured(t *testing.T) {
	r := newHostResolver()
	r.config = filepath.Join(t.TempDir(), "resolv.conf")
	for _, row := range []struct {
		config, server string
		fine           bool
	}{
		{"", "127.0.0.1:53", true}, {"nameserver 192.0.2.1\n", "127.0.0.1:53", false},
		{"nameserver 192.0.2.1\n", "192.0.2.1:53", true}, {"nameserver 127.0.0.1\n", "127.0.0.1:53", true},
		{"options edns0\n", "[::1]:53", true}, {"nameserver 192.0.2.1\n", "[::1]:53", false},
	} {
		if row.config != "" {
			if err := os.WriteFile(r.config, []byte(row.config), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		err := r.checkServer(row.server)
		if _, short := shortageOf(err); short == row.fine {
			t.Errorf("%q, asking %s: %v", row.config, row.server, err)
		}
	}
}

// withoutFiles tells a process of this test to be the one without files.
const withoutFiles = "PUNCTUAL_TEST_WITHOUT_FILES"

// TestWithoutFiles attacks a process of its own: all of its files are taken, then given back.
func TestWithoutFiles(t *testing.T) {
	if os.Getenv(withoutFiles) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWithoutFiles$", "-test.v")
		cmd.Env = append(os.Environ(), withoutFiles+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	addr := serve(t, "127.0.0.1:0", answering(okAnswer))
	client := New(Config{Guard: &Guard{Own: []netip.AddrPort{netip.MustParseAddrPort("[::]:1")}}})
	hog := func() (release func()) {
		var files []*os.File
		for {
			f, err := os.Open(os.DevNull)
			if err != nil {
				return func() {
					for _, f := range files {
						f.Close()
					}
				}
			}
			files = append(files, f)
		}
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 40, Max: 40}); err != nil {
		t.Skip(err)
	}
	urls := []string{
		fmt.Sprintf("http://%s/", addr), fmt.Sprintf("https://%s/", addr), "http://localhost:" + fmt.Sprint(addr.Port()),
		"http://no-such-name.test/", "http://127.0.0.9:1/",
	}
	release := hog()
	for _, url := range urls {
		call := callTo(url)
		call.Timeout = 100 * time.Millisecond
		r := client.Do(t.Context(), call)
		if r.Status != cron.StatusInternalError || r.Fault != cron.FaultShortage || r.Detail != cron.ShortOfFiles {
			t.Errorf("%s: %+v", url, r)
		}
	}
	time.AfterFunc(50*time.Millisecond, release)
	if r := client.Do(t.Context(), callTo(urls[0])); r.Status != cron.StatusOK {
		t.Errorf("after the shortage: %+v", r)
	}
}
