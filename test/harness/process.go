package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Timeout is how long an operation may take, even on a very busy machine, before a test fails.
const Timeout = 4 * time.Minute

// Planted begins the secrets that tests plant. No process writes one to stdout or stderr.
const Planted = "planted-"

// plantedForms are Planted as it is, and in base64 wherever in a text it stands.
var plantedForms = []string{Planted, "cGxhbnRlZC", "BsYW50ZWQt", "wbGFudGVkL"}

// Process is a run of the program.
type Process struct {
	t      testing.TB
	cmd    *exec.Cmd
	stdout output
	stderr output
	ended  chan struct{}
}

// output is what a process has written.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// String is everything that was written.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Launch runs the program with exactly the environment env. When the test ends, the process is killed if it still runs,
// and its stderr must not contain a panic or a data race.
func Launch(t testing.TB, env []string, args ...string) *Process {
	t.Helper()
	return launch(t, exec.Command(Binary(t), args...), env)
}

// LaunchWithFiles is Launch with a limit on open files; 0 for that of the test.
func LaunchWithFiles(t testing.TB, files int, env []string, args ...string) *Process {
	t.Helper()
	if files == 0 {
		return Launch(t, env, args...)
	}
	script := fmt.Sprintf(`ulimit -n %d && exec "$0" "$@"`, files)
	return launch(t, exec.Command("sh", append([]string{"-c", script, Binary(t)}, args...)...), env)
}

func launch(t testing.TB, cmd *exec.Cmd, env []string) *Process {
	t.Helper()
	p := &Process{t: t, cmd: cmd, ended: make(chan struct{})}
	p.cmd.Env = append([]string{"HOME=" + os.TempDir(), "PATH=" + os.Getenv("PATH")}, env...)
	p.cmd.Dir = t.TempDir()
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	p.cmd.SysProcAttr = childAttributes()
	started := make(chan error)
	// The child gets its signal when the thread that started it ends, so that thread is kept.
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.ended)
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // Code returns the result
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("run the program: %v", err)
	}
	t.Cleanup(p.cleanUp)
	return p
}

func (p *Process) cleanUp() {
	p.t.Helper()
	p.Kill()
	stderr := p.Stderr()
	for _, sign := range []string{"panic", "DATA RACE", "fatal error", "goroutine "} {
		if strings.Contains(stderr, sign) {
			p.t.Errorf("the process wrote %q to stderr", sign)
		}
	}
	for _, form := range plantedForms {
		if strings.Contains(stderr, form) || strings.Contains(p.Stdout(), form) {
			p.t.Errorf("the process wrote a planted secret, as %q", form)
		}
	}
	if p.t.Failed() {
		const most = 16 << 10
		p.t.Logf("stderr of %s:\n%s", strings.Join(p.cmd.Args[1:], " "), stderr[max(0, len(stderr)-most):])
	}
}

// Stdout is what the process has written to stdout so far.
func (p *Process) Stdout() string { return p.stdout.String() }

// Stderr is what the process has written to stderr so far.
func (p *Process) Stderr() string { return p.stderr.String() }

// Ended tells whether the process has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// Signal sends a signal, unless the process has ended.
func (p *Process) Signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("send %v: %v", s, err)
	}
}

// Kill kills the process and waits for its end.
func (p *Process) Kill() {
	p.t.Helper()
	p.Signal(syscall.SIGKILL)
	<-p.ended
}

// Pause stops the process until Resume.
func (p *Process) Pause() {
	p.t.Helper()
	p.Signal(syscall.SIGSTOP)
}

// Resume continues a paused process.
func (p *Process) Resume() {
	p.t.Helper()
	p.Signal(syscall.SIGCONT)
}

// PeakMemory is the largest resident size of the process so far in bytes; 0 on a system without /proc.
func (p *Process) PeakMemory() int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	_, size, found := strings.Cut(string(text), "VmHWM:")
	if err != nil || !found {
		return 0
	}
	n, _ := strconv.ParseInt(strings.Fields(size)[0], 10, 64)
	return n << 10
}

// Wait waits for the end of the process and returns its exit code, -1 when a signal ended it.
func (p *Process) Wait() int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(Timeout):
		p.Signal(syscall.SIGQUIT) // Go logs the stacks of all goroutines
		select {
		case <-p.ended:
		case <-time.After(5 * time.Second):
		}
		p.t.Fatalf("the process does not end")
	}
	return p.cmd.ProcessState.ExitCode()
}

// Stop ends the process as an operator does, and checks that it ends successfully.
func (p *Process) Stop() {
	p.t.Helper()
	p.Signal(syscall.SIGTERM)
	if code := p.Wait(); code != 0 {
		p.t.Fatalf("the service ended with exit code %d:\n%s", code, p.Stderr())
	}
}

// Run runs a command to its end.
func Run(t testing.TB, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	p := Launch(t, env, args...)
	return p.Wait(), p.Stdout(), p.Stderr()
}

// RunTyping is Run of a command that asks, with what is typed.
func RunTyping(t testing.TB, env []string, typed string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := exec.Command(Binary(t), args...)
	cmd.Stdin = strings.NewReader(typed)
	p := launch(t, cmd, env)
	return p.Wait(), p.Stdout(), p.Stderr()
}

// Node is a process that serves.
type Node struct {
	*Process
	URL    string // of the API, without a trailing slash
	client *http.Client
}

var (
	servingLine = regexp.MustCompile(`(?:msg=serving url=|"msg":"serving","url":")([^\s"]+)`)
	keyText     = regexp.MustCompile(`punctual_[A-Za-z0-9_-]{43}`)
)

// awaitURL waits until the process has logged its URL.
func (p *Process) awaitURL() (string, error) {
	deadline := time.Now().Add(Timeout)
	for time.Now().Before(deadline) {
		if found := servingLine.FindStringSubmatch(p.Stderr()); found != nil {
			return found[1], nil
		}
		select {
		case <-p.ended:
			return "", fmt.Errorf("the service ended at its start with exit code %d", p.cmd.ProcessState.ExitCode())
		case <-time.After(2 * time.Millisecond):
		}
	}
	return "", errors.New("the service does not say where it listens")
}

// AwaitStatus waits until a path that needs no key answers with the given status.
func (n *Node) AwaitStatus(path string, status int) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), Timeout)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.URL+path, nil)
		if err != nil {
			n.t.Fatal(err)
		}
		resp, err := n.client.Do(req)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == status {
				return
			}
		}
		select {
		case <-n.ended:
			n.t.Fatalf("the service ended with exit code %d", n.cmd.ProcessState.ExitCode())
		case <-ctx.Done():
			n.t.Fatalf("GET %s does not answer with status %d", path, status)
		case <-time.After(5 * time.Millisecond):
		}
	}
}
