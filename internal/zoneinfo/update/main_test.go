package main

import (
	"archive/zip"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"punctual/internal/cron"
)

// source is a file with zone data of a release.
func source(t *testing.T, release string, z *cron.Zones) string {
	t.Helper()
	data, err := cron.PackZones(release, nil)
	if err != nil {
		t.Fatal(err)
	}
	if z != nil {
		data = []byte(z.Data())
	}
	path := filepath.Join(t.TempDir(), "zones.zip")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestUpdate(t *testing.T) {
	present, target := cron.EmbeddedZones(), t.TempDir()
	if err := update(target, present, []string{source(t, "", present), filepath.Join(target, "nothing")}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"zoneinfo.zip", "zoneinfo.md"} {
		got, err := os.ReadFile(filepath.Join(target, name))
		want, err2 := os.ReadFile(filepath.Join("../../cron", name))
		if err != nil || err2 != nil || string(got) != string(want) {
			t.Errorf("%s is not the file in the repository: %v, %v", name, err, err2)
		}
	}
}

func TestUpdateRefuses(t *testing.T) {
	present := cron.EmbeddedZones()
	for name, sources := range map[string][]string{
		"no data":         {filepath.Join(t.TempDir(), "nothing")},
		"no zones at all": {source(t, "3000a", nil)},
		"damaged data":    {source(t, "yesterday", nil)},
	} {
		target := t.TempDir()
		if err := update(target, present, sources); err == nil {
			t.Errorf("%s: no error", name)
		}
		if files, _ := os.ReadDir(target); len(files) > 0 {
			t.Errorf("%s: something was written", name)
		}
	}
}

// TestUpdateNeverGoesBack offers older data, and data that lack names.
func TestUpdateNeverGoesBack(t *testing.T) {
	present := cron.EmbeddedZones()
	archive, err := zip.NewReader(strings.NewReader(present.Data()), int64(len(present.Data())))
	if err != nil {
		t.Fatal(err)
	}
	utc, err := fs.ReadFile(archive, "UTC")
	if err != nil {
		t.Fatal(err)
	}
	for release, why := range map[string]string{"1999a": "already", "3000a": "lacks names"} {
		data, err := cron.PackZones(release, map[string][]byte{"UTC": utc})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "zones.zip")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := update(t.TempDir(), present, []string{path}); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("release %s with one name: %v", release, err)
		}
	}
}
