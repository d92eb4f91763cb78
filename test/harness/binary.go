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

// built is the binary that all tests of a process use.
var built struct {
	once sync.Once
	dir  string
	err  error
}

// Main runs the tests of a package and then removes what they left. It is for TestMain:
//
//	func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
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

// Binary is the path of the program, built from the module that the test belongs to.
func Binary(t testing.TB) string {
	t.Helper()
	built.once.Do(func() { built.dir, built.err = build() })
	if built.err != nil {
		t.Fatalf("build the program: %v", built.err)
	}
	return filepath.Join(built.dir, "punctual")
}

// Racing tells whether Binary has the race detector in it.
func Racing() bool { return os.Getenv(raceVariable) == "true" }

func build() (dir string, err error) {
	dir, err = os.MkdirTemp("", "punctual-binary-")
	if err != nil {
		return "", err
	}
	args, cgo := []string{"build", "-o", filepath.Join(dir, "punctual")}, "0"
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
