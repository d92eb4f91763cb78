package app

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"punctual/internal/store"
)

func TestDecodeKeys(t *testing.T) {
	one, two := [32]byte{1}, [32]byte{2}
	first, second := strings.TrimSpace(encodeKeys(one)), strings.TrimSpace(encodeKeys(two))
	for text, want := range map[string][][32]byte{
		first: {one}, first + "\n": {one}, "\n" + first + "\r\n\r\n" + second: {one, two}, second + "," + first: {two, one},
		first + " , " + second + "\t": {one, two}, first + "," + first: {one},
		"": nil, " \n,": nil, first[1:]: nil, first + second: nil, first + ";" + second: nil, "# comment\n" + first: nil,
		first + "\n" + second[:20]: nil,
	} {
		keys, err := decodeKeys(text, "here")
		if !slices.Equal(keys, want) || (err != nil) != (want == nil) {
			t.Errorf("%q is %v, %v", text, keys, err)
		}
		if err != nil && !strings.Contains(err.Error(), "in here must be 32 bytes in base64") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// keyFiles are the keys in the file of a program and among the former ones.
func (p *program) keyFiles() (keys, old []string) {
	p.t.Helper()
	for name, to := range map[string]*[]string{keyName: &keys, oldKeysName: &old} {
		text, err := os.ReadFile(filepath.Join(p.args[1], name))
		if err != nil {
			p.t.Fatal(err)
		}
		*to = strings.Fields(string(text))
	}
	return keys, old
}

// TestRotateKey rotates the key from each state in which a rotation may have been interrupted, and after a backup from before
// was restored.
func TestRotateKey(t *testing.T) {
	p := newProgram(t)
	dir := p.args[1]
	path := filepath.Join(dir, keyName)
	write := func(keys ...string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(strings.Join(keys, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first := strings.TrimSpace(string(text))
	p.run("key", "rotate")
	keys, old := p.keyFiles()
	if len(keys) != 1 || keys[0] == first || !slices.Equal(old, []string{first}) {
		t.Fatalf("after a rotation the keys are %d, and %d former ones", len(keys), len(old))
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o640 {
		t.Errorf("the file has the mode %v: %v", info.Mode(), err)
	}

	second, third := keys[0], strings.TrimSpace(p.run("key", "new"))
	for _, state := range [][]string{{second, third}, {second, third}} { // before the new key is used, and after
		write(state...)
		p.run("key", "rotate")
		if keys, old = p.keyFiles(); !slices.Equal(keys, []string{third}) || !slices.Equal(old, []string{first, second}) {
			t.Fatalf("an interrupted rotation ends with %v, and %v", keys, old)
		}
	}

	copied := filepath.Join(t.TempDir(), "copy")
	p.run("backup", copied)
	p.run("key", "rotate")
	keys, _ = p.keyFiles()
	fourth := keys[0]
	write(third)
	p.refuse(exitFailed, "sealed with another key", "account", "list")
	write(third, fourth)
	p.run("account", "list")

	restored := t.TempDir()
	for from, to := range map[string]string{copied: store.FileName, path: keyName} {
		file, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(filepath.Join(restored, to), file, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	p.args[1] = restored
	p.run("account", "list")
	p.run("key", "rotate")
	if keys, old = p.keyFiles(); !slices.Equal(keys, []string{fourth}) || !slices.Equal(old, []string{third}) {
		t.Errorf("a restored backup has the keys %v, and %v", keys, old)
	}

	unlock, err := keySource{path: filepath.Join(restored, keyName)}.lock()
	if err != nil {
		t.Fatal(err)
	}
	p.refuse(exitFailed, "Another punctual key rotate", "key", "rotate")
	unlock()
}

// TestReplaceFile replaces the file of the keys by way of a link, and leaves it as it was where that is not possible.
func TestReplaceFile(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "real"), filepath.Join(t.TempDir(), keyName)
	if err := os.WriteFile(path, []byte("former"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, link); err != nil {
		t.Skip(err)
	}
	if err := replaceFile(link, "new"); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "new" {
		t.Errorf("the file has %q: %v", text, err)
	}
	if err := os.Mkdir(path+".new", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(path+".new", "in the way"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := replaceFile(link, "other"); err == nil {
		t.Error("a file is replaced by way of a directory")
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "new" {
		t.Errorf("the file has %q: %v", text, err)
	}
}
