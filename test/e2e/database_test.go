package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"punctual/internal/store/storetest"
	"punctual/test/checker"
	"punctual/test/harness"
)

// smallDisk mounts a file system of a few MiB for the test.
func smallDisk(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", dir).CombinedOutput()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("a full disk needs a file system of its own, which cannot be mounted: %v: %s", err, out)
		}
		t.Skipf("a full disk needs a file system of its own, which only root can mount: %v", err)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("unmount: %v: %s", err, out)
		}
	})
	return dir
}

// fill writes a file until its disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	_ = f.Close()
}

// readiness is the response of /readyz.
func readiness(t *testing.T, n *harness.Node) string {
	t.Helper()
	resp, err := http.Get(n.URL + "/readyz")
	if err != nil {
		return err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	text, _ := io.ReadAll(resp.Body)
	return fmt.Sprint(resp.StatusCode, " ", string(text))
}

// TestFullDisk fills the disk of a service that runs jobs, and frees it again. The service reports the reason and keeps
// the results, and the ledger is complete. A start on a full disk fails with a sentence.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the disk is a tmpfs of Linux")
	}
	disk := smallDisk(t)
	s := harness.NewService(t, "")
	s.Dir = filepath.Join(disk, "data")
	begin := time.Now()
	node, target := s.Start(), harness.NewTarget(t)
	t.Cleanup(node.Kill) // before the disk is unmounted
	client := s.Client(node)
	for i := range 20 {
		client.CreateJob(job(target, fmt.Sprintf("/body/2000/%d", i), harness.EverySecond()))
	}
	await(t, "jobs run", func() bool { return len(target.Requests()) > 20 })
	fill(t, filepath.Join(disk, "filler"))
	await(t, "the service says that the disk is full", func() bool {
		return strings.Contains(readiness(t, node), "its disk is full")
	})
	await(t, "the log says so", func() bool { return strings.Contains(node.Stderr(), `why="its disk is full"`) })
	if !strings.Contains(node.Stderr(), `remedy="Free space`) {
		t.Error("the log does not say what to do")
	}
	if got := readiness(t, node); !strings.HasPrefix(got, "503 ") {
		t.Errorf("readiness is %s", got)
	}

	other := harness.NewService(t, "")
	other.Dir = filepath.Join(disk, "other")
	code, _, stderr := harness.Run(t, other.Env(), "serve")
	if code != 1 || strings.Contains(stderr, "msg=serving") || !strings.Contains(stderr, "is full") {
		t.Errorf("a start on a full disk ends with %d: %s", code, stderr)
	}

	if err := os.Remove(filepath.Join(disk, "filler")); err != nil {
		t.Fatal(err)
	}
	node.AwaitStatus("/readyz", 200)
	for _, j := range client.Jobs() {
		client.ChangeJob(j.JobID, harness.Fields{"enabled": false})
	}
	s.AwaitSettled(time.Now())
	node.Stop()
	check(t, s, checker.Witness{From: begin, To: begin, Received: target.Counts(), Stopped: true})
}

// TestReadOnlyDisk starts a service and a command on a read-only disk.
func TestReadOnlyDisk(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the disk is a tmpfs of Linux")
	}
	disk := smallDisk(t)
	s := harness.NewService(t, "")
	s.Dir = filepath.Join(disk, "data")
	s.Start().Stop()
	if out, err := exec.Command("mount", "-o", "remount,ro", disk).CombinedOutput(); err != nil {
		t.Fatalf("make the disk read-only: %v: %s", err, out)
	}
	before := files(t, s.Dir)
	for _, args := range [][]string{{"serve"}, {"apikey", "create"}} {
		code, stdout, stderr := harness.Run(t, s.Env(), args...)
		if code != 1 || stdout != "" {
			t.Errorf("%v: exit code %d, stdout %q", args, code, stdout)
		}
		checkSentence(t, s, stderr, []string{"The database cannot be", "data directory"})
	}
	if after := files(t, s.Dir); !slices.Equal(before, after) {
		t.Errorf("the data directory was\n%q\nand is\n%q", before, after)
	}
}

// TestLockedDatabase has another process lock the SQLite database for longer than a write waits.
func TestLockedDatabase(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, "")
	node, target := s.Start(), harness.NewTarget(t)
	client := s.Client(node)
	client.CreateJob(job(target, "/", harness.EverySecond()))
	await(t, "the job runs", func() bool { return len(target.Requests()) > 0 })

	conn, err := s.Database().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), `BEGIN EXCLUSIVE`); err != nil {
		t.Fatal(err)
	}
	await(t, "the service says that the database is locked", func() bool {
		return strings.Contains(readiness(t, node), "another process holds a lock")
	})
	await(t, "the log says so", func() bool { return strings.Contains(node.Stderr(), `why="another process holds a lock on it"`) })
	if _, err := conn.ExecContext(t.Context(), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	node.AwaitStatus("/readyz", 200)
	seen := len(target.Requests())
	await(t, "the job runs again", func() bool { return len(target.Requests()) > seen })
	node.Stop()
}

// TestReadOnlyPostgres makes the database refuse writes, as a standby does.
func TestReadOnlyPostgres(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, storetest.Postgres(t))
	node := s.Start()
	ctx := context.WithoutCancel(t.Context()) // also valid during the cleanup
	readOnly := func(value string) {
		t.Helper()
		var name string
		if err := s.Database().QueryRowContext(ctx, `SELECT current_database()`).Scan(&name); err != nil {
			t.Fatal(err)
		}
		conn, err := s.Database().Conn(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		for _, query := range []string{`SET default_transaction_read_only = off`,
			`ALTER ROLE CURRENT_USER IN DATABASE "` + name + `" SET default_transaction_read_only = ` + value,
			`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			 WHERE datname = current_database() AND application_name = 'punctual'`} {
			if _, err := conn.ExecContext(ctx, query); err != nil {
				t.Fatalf("%s: %v", query, err)
			}
		}
	}
	readOnly("on")
	t.Cleanup(func() { readOnly("off") })
	await(t, "the service says that the database is read-only", func() bool {
		return strings.Contains(readiness(t, node), `"writing":"it is read-only"`)
	})
	code, _, stderr := harness.Run(t, append(s.Env(), "PUNCTUAL_DATA="+t.TempDir()), "serve")
	if code != 1 || strings.Contains(stderr, "msg=serving") || !strings.Contains(stderr, "read-only") {
		t.Errorf("a start on a read-only database ends with %d: %s", code, stderr)
	}
	readOnly("off")
	node.AwaitStatus("/readyz", 200)
	node.Stop()
}

// TestOthersMayRead checks the warning about permissions that let others read the secrets.
func TestOthersMayRead(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, "")
	s.Secret = ""
	s.Start().Stop()
	node := s.Start()
	if strings.Contains(node.Stderr(), "other users") {
		t.Errorf("the log warns without a reason: %s", node.Stderr())
	}
	node.Stop()
	for path, mode := range map[string]os.FileMode{s.Dir: 0o755, filepath.Join(s.Dir, "secret.key"): 0o644} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	node = s.Start()
	for _, says := range []string{"other users may read the data directory", "other users may read the key", "chmod 600"} {
		if !strings.Contains(node.Stderr(), says) {
			t.Errorf("the log does not say %q: %s", says, node.Stderr())
		}
	}
	node.Stop()
}
