package e2e

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"punctual/internal/store"
	"punctual/internal/store/storetest"
	"punctual/test/authority"
	"punctual/test/harness"
)

// TestBadStarts starts the service under conditions in which it cannot run. It explains why in a sentence, exits with
// the right code, and leaves the files as they were.
func TestBadStarts(t *testing.T) {
	t.Parallel()
	const failed, usage = 1, 2
	write := func(t *testing.T, path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	database := func(s *harness.Service) string { return filepath.Join(s.Dir, "punctual.db") }
	tests := []struct {
		name  string
		spoil func(t *testing.T, s *harness.Service, free *[]string) // creates the condition
		code  int
		says  []string
	}{
		{"a file in the way of the data directory", func(t *testing.T, s *harness.Service, _ *[]string) {
			s.Dir = filepath.Join(t.TempDir(), "file")
			write(t, s.Dir, "mine")
		}, failed, []string{"data directory", "file"}},
		{"a file above the data directory", func(t *testing.T, s *harness.Service, _ *[]string) {
			above := filepath.Join(t.TempDir(), "file")
			write(t, above, "mine")
			s.Dir = filepath.Join(above, "data")
		}, failed, []string{"data directory", "not a directory"}},
		{"a directory in the way of the database", func(t *testing.T, s *harness.Service, _ *[]string) {
			s.Dir = filepath.Join(t.TempDir(), "data")
			if err := os.MkdirAll(database(s), 0o700); err != nil {
				t.Fatal(err)
			}
		}, failed, []string{"punctual.db"}},
		{"a port in use", func(t *testing.T, s *harness.Service, free *[]string) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			*free = append(*free, "--listen", l.Addr().String())
		}, failed, []string{"Cannot listen", "in use", "--listen"}},
		{"an address that is not ours", func(_ *testing.T, _ *harness.Service, free *[]string) {
			*free = append(*free, "--listen", "192.0.2.1:8080")
		}, failed, []string{"Cannot listen", "192.0.2.1"}},
		{"another program's file", func(t *testing.T, s *harness.Service, _ *[]string) {
			write(t, database(s), strings.Repeat("not a database\n", 1000))
		}, failed, []string{"not a database", "backup"}},
		{"an empty database", func(t *testing.T, s *harness.Service, _ *[]string) {
			write(t, database(s), "")
		}, failed, []string{"empty", "backup"}},
		{"a database that is not there, beside its log of writes", func(t *testing.T, s *harness.Service, _ *[]string) {
			if err := os.Rename(database(s), database(s)+"-wal"); err != nil {
				t.Fatal(err)
			}
		}, failed, []string{"punctual.db-wal", "backup"}},
		{"a database cut short", func(t *testing.T, s *harness.Service, _ *[]string) {
			if err := os.Truncate(database(s), 5000); err != nil {
				t.Fatal(err)
			}
		}, failed, []string{"damaged", "backup"}},
		{"a database with a hole", func(t *testing.T, s *harness.Service, _ *[]string) {
			spoilFile(t, database(s))
		}, failed, []string{"damaged", "backup"}},
		{"a newer database", func(t *testing.T, s *harness.Service, _ *[]string) {
			makeNewer(t, s)
		}, failed, []string{"newer", "version"}},
		{"another key", func(_ *testing.T, s *harness.Service, _ *[]string) {
			s.Secret = base64.StdEncoding.EncodeToString(make([]byte, 32))
		}, failed, []string{"another key", "secret.key", "PUNCTUAL_SECRET_KEY"}},
		{"no key", func(_ *testing.T, s *harness.Service, _ *[]string) {
			s.Secret = ""
		}, failed, []string{"missing", "secret.key", "PUNCTUAL_SECRET_KEY"}},
		{"a key that is none", func(_ *testing.T, s *harness.Service, _ *[]string) {
			s.Secret = "c2hvcnQ="
		}, failed, []string{"32 bytes", "base64"}},
		{"a key file that is none", func(t *testing.T, s *harness.Service, _ *[]string) {
			s.Secret = ""
			write(t, filepath.Join(s.Dir, "secret.key"), "?")
		}, failed, []string{"32 bytes", "base64", "secret.key"}},
		{"a second service on the same data", func(_ *testing.T, s *harness.Service, _ *[]string) {
			s.Start()
		}, failed, []string{"another service", "--data"}},
		{"a PostgreSQL that is not there", func(t *testing.T, s *harness.Service, _ *[]string) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			s.URL = "postgres://somebody:hidden@" + l.Addr().String() + "/nowhere?sslmode=disable"
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}, failed, []string{"database", "refused"}},
		{"another kind of database", func(_ *testing.T, s *harness.Service, _ *[]string) {
			s.URL = "mysql://somebody:hidden@localhost/x"
		}, usage, []string{"--database", "postgres://"}},
		{"no slots", func(_ *testing.T, _ *harness.Service, free *[]string) {
			*free = append(*free, "--slots", "0")
		}, usage, []string{"--slots", "at least 1"}},
		{"a negative drain", func(_ *testing.T, _ *harness.Service, free *[]string) {
			*free = append(*free, "--drain=-1s")
		}, usage, []string{"--drain", "negative"}},
		{"a drain that is not a duration", func(_ *testing.T, _ *harness.Service, free *[]string) {
			*free = append(*free, "--drain", "long")
		}, usage, []string{"--drain"}},
		{"a port in use for the operations", func(t *testing.T, s *harness.Service, free *[]string) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			*free = append(*free, "--operations-listen", l.Addr().String())
		}, failed, []string{"Cannot listen", "in use", "--operations-listen"}},
		{"a port in use for plain HTTP", func(t *testing.T, _ *harness.Service, free *[]string) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			certificate, key := authority.WritePair(t, t.TempDir())
			*free = append(*free, "--tls-cert", certificate, "--tls-key", key, "--http-listen", l.Addr().String())
		}, failed, []string{"Cannot listen", "in use", "--http-listen"}},
		{"a certificate without its key", func(_ *testing.T, _ *harness.Service, free *[]string) {
			*free = append(*free, "--tls-cert", "certificate.pem")
		}, usage, []string{"--tls-cert needs --tls-key"}},
		{"a certificate that is not there", func(_ *testing.T, _ *harness.Service, free *[]string) {
			*free = append(*free, "--tls-cert", "certificate.pem", "--tls-key", "key.pem")
		}, failed, []string{"certificate.pem", "does not exist"}},
		{"the key of another certificate", func(t *testing.T, _ *harness.Service, free *[]string) {
			certificate, _ := authority.WritePair(t, t.TempDir())
			_, key := authority.WritePair(t, t.TempDir())
			*free = append(*free, "--tls-cert", certificate, "--tls-key", key)
		}, failed, []string{"--tls-key does not belong to", "--tls-cert"}},
		{"a root certificate that is none", func(t *testing.T, _ *harness.Service, free *[]string) {
			_, key := authority.WritePair(t, t.TempDir())
			*free = append(*free, "--acme", "cron.example.com", "--acme-root", key)
		}, failed, []string{"--acme-root holds no certificate"}},
		{"a file of issuers that is not there", func(_ *testing.T, _ *harness.Service, free *[]string) {
			*free = append(*free, "--oidc", "oidc.json")
		}, failed, []string{"OpenID Connect issuers", "oidc.json"}},
		{"a file of issuers that is none", func(t *testing.T, _ *harness.Service, free *[]string) {
			file := filepath.Join(t.TempDir(), "oidc.json")
			write(t, file, `[{"name": "example", "issuer": "http://id.example.com", "clientId": "punctual"}]`)
			*free = append(*free, "--oidc", file)
		}, failed, []string{"oidc.json of --oidc", `issuer "example"`, "must begin with https://"}},
		{"no address of the operations", func(_ *testing.T, _ *harness.Service, free *[]string) {
			*free = append(*free, "--operations-listen", "8081")
		}, usage, []string{"--operations-listen", "HOST:PORT"}},
		{"a public URL with a path", func(_ *testing.T, _ *harness.Service, free *[]string) {
			*free = append(*free, "--public-url", "https://example.com/cron")
		}, usage, []string{"--public-url", "path /cron", "https://cron.example.com"}},
		{"a public URL with a password", func(_ *testing.T, _ *harness.Service, free *[]string) {
			*free = append(*free, "--public-url", "https://jane:hidden@example.com")
		}, usage, []string{"--public-url", "password"}},
		{"an unknown format of the log", func(_ *testing.T, _ *harness.Service, free *[]string) {
			*free = append(*free, "--log-format", "xml")
		}, usage, []string{"--log-format", "json"}},
		{"an unknown level of the log", func(_ *testing.T, _ *harness.Service, free *[]string) {
			*free = append(*free, "--log-level", "loud")
		}, usage, []string{"--log-level", "debug"}},
		{"no address", func(_ *testing.T, _ *harness.Service, free *[]string) {
			*free = append(*free, "--listen", "8080")
		}, usage, []string{"--listen", "HOST:PORT"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := harness.NewService(t, "")
			s.Start().Stop()
			flags := []string{"serve"}
			test.spoil(t, s, &flags)
			before := files(t, s.Dir)
			code, stdout, stderr := harness.Run(t, s.Env(), flags...)
			if code != test.code || stdout != "" {
				t.Errorf("exit code %d, want %d, and stdout %q", code, test.code, stdout)
			}
			checkSentence(t, s, stderr, test.says)
			if after := files(t, s.Dir); !slices.Equal(before, after) {
				t.Errorf("the data directory was\n%q\nand is\n%q", before, after)
			}
		})
	}
}

// checkSentence checks the failure of a command: one line with the given words and no secret.
func checkSentence(t *testing.T, s *harness.Service, stderr string, says []string) {
	t.Helper()
	if !strings.HasPrefix(stderr, "punctual: ") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("stderr is not a sentence: %q", stderr)
	}
	for _, word := range says {
		if !strings.Contains(stderr, word) {
			t.Errorf("stderr does not say %q: %q", word, stderr)
		}
	}
	if strings.Contains(stderr, "hidden") || s.Secret != "" && strings.Contains(stderr, s.Secret) {
		t.Errorf("stderr holds a secret: %q", stderr)
	}
}

// files lists the files below a directory with hashes of their contents.
func files(t *testing.T, dir string) (list []string) {
	t.Helper()
	_ = filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		// The side files of SQLite and the empty lock file contain no data.
		if err != nil || strings.HasSuffix(path, "-shm") || strings.HasSuffix(path, "-wal") || entry.Name() == "punctual.lock" {
			return nil
		}
		text, _ := os.ReadFile(path) // fails for a directory
		list = append(list, fmt.Sprintf("%s %v %x", path, entry.Type(), sha256.Sum256(text)))
		return nil
	})
	return list
}

// spoilFile overwrites the middle of a database with zeros.
func spoilFile(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(make([]byte, info.Size()-4096), 4096); err != nil {
		t.Fatal(err)
	}
}

// makeNewer marks a database as migrated by a later version of the program.
func makeNewer(t *testing.T, s *harness.Service) {
	t.Helper()
	tables := storetest.OpenTables(t, store.Options{Dir: s.Dir})
	tables.AddMigration(9999)
	tables.RaiseMinimum(9999)
	if err := tables.DB().Close(); err != nil {
		t.Fatal(err)
	}
}

// TestBadStartsOnPostgres does the same for conditions that need a shared database.
func TestBadStartsOnPostgres(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, storetest.EmptyPostgres(t))
	s.Start().Stop()
	right := s.Secret
	s.Secret = base64.StdEncoding.EncodeToString(make([]byte, 32))
	code, _, stderr := harness.Run(t, s.Env(), "serve")
	if code != 1 {
		t.Errorf("with another key the exit code is %d", code)
	}
	checkSentence(t, s, stderr, []string{"another key", "PUNCTUAL_SECRET_KEY"})
	s.Secret = right
	s.Tables().AddMigration(9999)
	s.Tables().RaiseMinimum(9999)
	code, _, stderr = harness.Run(t, s.Env(), "serve")
	if code != 1 {
		t.Errorf("with a newer database the exit code is %d", code)
	}
	checkSentence(t, s, stderr, []string{"newer", "version"})
}

// TestStart reports how soon a service answers, on a new and on an existing database.
func TestStart(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, "")
	harness.Binary(t)
	for _, what := range []string{"a new", "an existing"} {
		begin := time.Now()
		node := s.Start()
		node.AwaitStatus("/healthz", 200)
		t.Logf("on %s database the service is ready after %s", what, time.Since(begin).Round(time.Millisecond))
		if key := node.Stdout(); (what == "a new") != strings.Contains(key, s.Key) {
			t.Errorf("on %s database the service prints %q", what, key)
		}
		node.Stop()
	}
}

// TestStopDuringStart stops services at many moments of their first start. The next start finds nothing half-written.
func TestStopDuringStart(t *testing.T) {
	t.Parallel()
	for i := range 12 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			s := harness.NewService(t, "")
			p := harness.Launch(t, s.Env(), "serve")
			time.Sleep(time.Duration(i) * 8 * time.Millisecond)
			p.Kill()
			node := s.Start()
			// A key that was created but not shown before the stop cannot be shown again.
			code, key, _ := harness.Run(t, s.Env(), "apikey", "create")
			if code != 0 {
				t.Fatalf("make a key: exit code %d", code)
			}
			s.Key = strings.TrimSpace(key)
			s.Client(node).Jobs()
			node.Stop()
		})
	}
}
