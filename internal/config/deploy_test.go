package config

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

var variables = regexp.MustCompile(`PUNCTUAL_[A-Z_]*[A-Z]`)

// TestVariablesOfDeployments makes sure that what people copy sets variables that exist: an unknown one is ignored silently.
func TestVariablesOfDeployments(t *testing.T) {
	parser, err := kong.New(new(Config), values()...)
	if err != nil {
		t.Fatal(err)
	}
	var known []string
	for _, node := range append([]*kong.Node{parser.Model.Node}, parser.Model.Leaves(false)...) {
		for _, flag := range node.Flags {
			known = append(known, flag.Envs...)
		}
	}
	root := os.DirFS("../..")
	files, err := fs.Glob(root, "docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	err = fs.WalkDir(root, "deploy", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := fs.ReadFile(root, file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range variables.FindAllString(string(text), -1) {
			if !slices.Contains(known, name) && !strings.HasPrefix(name, "PUNCTUAL_TEST_") && !strings.HasPrefix(name, "PUNCTUAL_CHAOS_") {
				t.Errorf("%s names %s, which no flag reads", file, name)
			}
		}
	}
}
