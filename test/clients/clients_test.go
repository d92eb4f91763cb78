package clients

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"punctual/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// How long fetching a package and running a driver may take.
const (
	fetchTimeout = 3 * time.Minute
	runTimeout   = 2 * time.Minute
)

// client is a public package and the driver that uses it.
type client struct {
	driver  string     // its directory under testdata
	about   string     // for the message that it was skipped
	needs   []string   // programs that must be installed
	prepare [][]string // commands that fetch the package; they fail without a network
	run     []string
}

func goClient(driver, about, module string) client {
	return client{
		driver: driver, about: about, needs: []string{"go"},
		prepare: [][]string{
			{"go", "mod", "init", "driver"}, {"go", "get", module}, {"go", "build", "-o", "driver", "."},
		},
		run: []string{"./driver"},
	}
}

func nodeClient(driver, about string) client {
	return client{
		driver: driver, about: about, needs: []string{"node", "npm"},
		prepare: [][]string{{"npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"}},
		run:     []string{"node", "main.mjs"},
	}
}

var clients = []client{
	goClient("karitham", "a client of cron-job.org in Go", "github.com/Karitham/cronjoborg@984aa58e490d"),
	goClient("pschlan", "a client of cron-job.org in Go, by the author of that service",
		"github.com/pschlan/cronjoborg-client-go@af8ac1c5e2dc"),
	goClient("terraform", "the client of a Terraform provider for cron-job.org",
		"github.com/plain-insure/terraform-provider-cronjoborg/client@1a448ec131b9"),
	nodeClient("mcp", "an MCP server for cron-job.org in TypeScript"),

	goClient("resty", "an HTTP library in Go", "github.com/go-resty/resty/v2@v2.17.2"),
	nodeClient("axios", "an HTTP library in JavaScript"),
	{driver: "perl", about: "the HTTP library of Perl", needs: []string{"perl"}, run: []string{"perl", "main.pl"}},
}

func TestClients(t *testing.T) {
	t.Parallel()
	service := harness.NewService(t, "")
	node := service.Start()
	target := harness.NewTarget(t)
	api := service.Client(node)
	first := api.CreateJob(harness.Fields{
		"url": target.URL + "/first", "title": "first", "enabled": true, "saveResponses": true,
		"schedule": harness.EverySecond(),
	})
	for deadline := time.Now().Add(harness.Timeout); len(api.History(first).History) == 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the first job was not executed")
		}
	}
	env := append(os.Environ(), "PUNCTUAL_URL="+node.URL, "PUNCTUAL_KEY="+service.Key,
		"GOFLAGS=-mod=mod", "GOWORK=off", "NO_UPDATE_NOTIFIER=1")
	for _, c := range clients {
		t.Run(c.driver, func(t *testing.T) {
			for _, program := range c.needs {
				if _, err := exec.LookPath(program); err != nil {
					t.Skipf("%s is not installed; %s was not run", program, c.about)
				}
			}
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", c.driver))); err != nil {
				t.Fatal(err)
			}
			for _, command := range c.prepare {
				if output, err := execute(t, dir, env, fetchTimeout, command); err != nil {
					if strings.HasPrefix(strings.Join(command, " "), "go build") {
						t.Fatalf("%v: %v\n%s", command, err, output)
					}
					t.Skipf("%s cannot be had here (%s: %s); it was not run", c.about, strings.Join(command, " "),
						reason(output))
				}
			}
			if output, err := execute(t, dir, env, runTimeout, c.run); err != nil {
				t.Errorf("%s: %v\n%s", c.about, err, output)
			}
		})
	}
	if jobs := api.Jobs(); len(jobs) != 1 || jobs[0].JobID != first {
		t.Errorf("the clients left the jobs %+v", jobs)
	}
	node.Stop()
}

// execute runs a command and returns what it printed.
func execute(t *testing.T, dir string, env []string, timeout time.Duration, command []string) (output string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	var printed bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = dir, env, &printed, &printed, time.Second
	err = cmd.Run()
	return printed.String(), errors.Join(err, ctx.Err())
}

// reason is the line in the output of a package manager that seems to say why it failed.
func reason(output string) string {
	line := "it says nothing"
	for l := range strings.Lines(output) {
		if l = strings.TrimSpace(l); l != "" && !strings.Contains(l, "complete log") && !strings.HasSuffix(l, "npm error") {
			line = l
		}
	}
	return line
}
