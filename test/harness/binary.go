package harness

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"punctual/internal/store/storetest"
)

// raceVariable, when set to "true" in the environment, makes Binary build with the race detector, which needs cgo.
const raceVariable = "PUNCTUAL_TEST_RACE"

// built is the binary that all tests of a process share.
var built struct {
	once sync.Once
	dir  string
	err  error
}

// Main runs the tests of a package and then removes the binary. It is for TestMain:
//
// func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
//
// Tests of the whole binary mostly wait, so more of them run in parallel than there are cores.
func Main(m *testing.M) int {
	flag.Parse()
	if err := flag.Set("test.parallel", "64"); err != nil {
		fmt.Fprintln(os.Stderr, "set the number of parallel tests:", err)
		return 1
	}
	code := storetest.Main(m)
	if built.dir != "" {
		if err := os.RemoveAll(built.dir); err != nil {
			fmt.Fprintln(os.Stderr, "remove the binary:", err)
		}
	}
	return code
}

// Binary builds the program from the module of the test and returns its path.
func Binary(t testing.TB) string {
	t.Helper()
	built.once.Do(func() { built.dir, built.err = build() })
	if built.err != nil {
		t.Fatalf("build the program: %v", built.err)
	}
	return filepath.Join(built.dir, "punctual")
}

// Racing tells whether Binary is built with the race detector.
func Racing() bool { return os.Getenv(raceVariable) == "true" }

func build() (dir string, err error) {
	dir, err = os.MkdirTemp("", "punctual-binary-")
	if err != nil {
		return "", err
	}
	// The variables of the fault tests are read by this binary alone. Without data for debuggers it is linked in two thirds of the time.
	args, cgo := []string{"build", "-ldflags", "-s -w -X punctual/internal/app.faultTests=on", "-o", filepath.Join(dir, "punctual")}, "0"
	if Racing() {
		args, cgo = append(args, "-race"), "1"
	}
	cmd := exec.Command("go", append(args, "punctual")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.Join(fmt.Errorf("%w\n%s", err, out), os.RemoveAll(dir))
	}
	return dir, nil
}
