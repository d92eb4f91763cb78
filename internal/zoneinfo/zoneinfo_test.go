package zoneinfo

import (
	"archive/zip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"punctual/internal/cron"
)

// tzif is the TZif file of a zone that is built into the program.
func tzif(t *testing.T, name string) *fstest.MapFile {
	t.Helper()
	data := cron.EmbeddedZones().Data()
	archive, err := zip.NewReader(strings.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := archive.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return &fstest.MapFile{Data: content}
}

func text(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }

func TestReadDir(t *testing.T) {
	utc, berlin := tzif(t, "UTC"), tzif(t, "Europe/Berlin")
	z, err := ReadDir(fstest.MapFS{
		"UTC": utc, "Europe/Berlin": berlin, "posix/UTC": utc, "right/UTC": utc, "localtime": berlin, "posixrules": berlin,
		"zone.tab": text("DE"), "leapseconds": text("# none"), "posix/tzdata.zi": text("# version 1999a"),
		"tzdata.zi": text("# version 2030c\n# redo posix_only\nL Europe/Berlin Arctic/Longyearbyen\nL Mars/Base Moon/Base\n"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if names := z.Names(); z.Release() != "2030c" || !slices.Equal(names, []string{"Arctic/Longyearbyen", "Europe/Berlin", "UTC"}) {
		t.Errorf("release %s with %v", z.Release(), names)
	}
}

func TestReleaseOfADirectory(t *testing.T) {
	for name, tt := range map[string]struct {
		file, text string
		want       string
	}{
		"tzdata.zi":       {"tzdata.zi", "# version 2030a\n", "2030a"},
		"+VERSION":        {"+VERSION", "2030b\n", "2030b"},
		"version":         {"version", "2030c", "2030c"},
		"none":            {"readme", "2030c", ""},
		"no release":      {"tzdata.zi", "# version unknown\n", ""},
		"a changed state": {"tzdata.zi", "# version 2030a-dirty\n", ""},
	} {
		z, err := ReadDir(fstest.MapFS{"UTC": tzif(t, "UTC"), tt.file: text(tt.text)})
		switch {
		case tt.want == "" && !errors.Is(err, cron.ErrZoneRelease):
			t.Errorf("%s: %v, %v", name, z, err)
		case tt.want != "" && (err != nil || z.Release() != tt.want):
			t.Errorf("%s: %v, %v; want %s", name, z, err, tt.want)
		}
	}
}

func TestNewer(t *testing.T) {
	embedded := cron.EmbeddedZones()
	write := func(release string) string {
		dir := t.TempDir()
		if err := errors.Join(os.WriteFile(filepath.Join(dir, "UTC"), tzif(t, "UTC").Data, 0o600),
			os.WriteFile(filepath.Join(dir, "+VERSION"), []byte(release), 0o600)); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	for _, release := range []string{"1999a", embedded.Release()} {
		if z, err := Newer(embedded, write(release)); z != embedded || err != nil {
			t.Errorf("data of release %s are taken: %v", release, err)
		}
	}
	z, err := Newer(embedded, write("3000a"))
	if err != nil || z.Release() != "3000a" || !slices.Equal(z.Names(), embedded.Names()) {
		t.Fatalf("%v, %v", z, err)
	}
	file := filepath.Join(t.TempDir(), "zones.zip")
	if err := os.WriteFile(file, []byte(z.Data()), 0o600); err != nil {
		t.Fatal(err)
	}
	if same, err := Newer(embedded, file); err != nil || same.Version() != z.Version() {
		t.Errorf("a zip file: %v", err)
	}
	if _, err := Newer(embedded, filepath.Join(t.TempDir(), "nothing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing: %v", err)
	}
	if _, err := Newer(embedded, t.TempDir()); !errors.Is(err, cron.ErrZoneRelease) {
		t.Errorf("an empty directory: %v", err)
	}
}
