package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"punctual/test/harness"
)

// readmeAddress is the address of the service in the README.
const readmeAddress = "127.0.0.1:8080"

var (
	shellBlock  = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")
	startsWords = regexp.MustCompile(`(?m)^(?:go run \.|punctual) serve\b`)
	callsWords  = regexp.MustCompile(`^(?:curl|punctual (?:account|apikey|version))\b`)
)

// TestREADME runs the shell blocks of the README unchanged and in order: the one that starts the service, with a data
// directory of its own, and those that call the API. It leaves out others, such as those that run tests or write files.
func TestREADME(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed")
	}
	listener, err := net.Listen("tcp", readmeAddress)
	if err != nil {
		t.Skipf("%s is not free, where the README starts the service: %v", readmeAddress, err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), "PUNCTUAL_DATA="+filepath.Join(t.TempDir(), "data"),
		"PATH="+filepath.Dir(harness.Binary(t))+string(os.PathListSeparator)+os.Getenv("PATH"))
	started, called := false, 0
	for _, found := range shellBlock.FindAllStringSubmatch(string(text), -1) {
		block := found[1]
		switch {
		case startsWords.MatchString(block):
			if !started {
				env = append(env, "KEY="+startService(t, root, block, env))
				started = true
			}
		case started && callsWords.MatchString(block):
			called++
			runBlock(t, block, env)
		default:
			t.Logf("left out:\n%s", block)
		}
	}
	if !started || called == 0 {
		t.Errorf("the README starts a service: %v, and calls it in %d blocks", started, called)
	}
}

// startService runs the block that starts the service until the test ends, and returns the API key that it prints.
func startService(t *testing.T, root, block string, env []string) string {
	t.Helper()
	cmd := exec.Command("sh", "-e", "-c", block)
	cmd.Dir, cmd.Env = root, env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its process group ends with it
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	keys := make(chan string, 1)
	var reading sync.WaitGroup
	reading.Go(func() {
		var text strings.Builder
		buffer := make([]byte, 4096)
		for {
			n, err := stdout.Read(buffer)
			text.Write(buffer[:n])
			if key := regexp.MustCompile(`punctual_[A-Za-z0-9_-]{43}\b`).FindString(text.String()); key != "" {
				select {
				case keys <- key:
				default:
				}
			}
			if err != nil {
				return
			}
		}
	})
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		timeout := time.AfterFunc(harness.Timeout, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		reading.Wait()
		_ = cmd.Wait()
		timeout.Stop()
		if t.Failed() {
			t.Logf("stderr of the service:\n%s", stderr.String())
		}
	})
	select {
	case key := <-keys:
		return key
	case <-time.After(harness.Timeout):
		t.Fatal("the service prints no key")
		return ""
	}
}

// runBlock runs a block of API calls. Each must succeed and print JSON objects that are not problems.
func runBlock(t *testing.T, block string, env []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-e", "-c", block)
	cmd.Dir, cmd.Env = t.TempDir(), env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Errorf("%v:\n%s%s", err, block, stderr.String())
		return
	}
	if !strings.HasPrefix(block, "curl ") {
		return
	}
	answers := 0
	for decoder := json.NewDecoder(&stdout); ; answers++ {
		var answer map[string]any
		err := decoder.Decode(&answer)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Errorf("%v in the answers to\n%s", err, block)
			return
		}
		if answer["status"] != nil {
			t.Errorf("%v is the answer to\n%s", answer, block)
		}
	}
	if calls := strings.Count("\n"+block, "\ncurl "); answers != calls {
		t.Errorf("%d answers to %d calls:\n%s", answers, calls, block)
	}
}
