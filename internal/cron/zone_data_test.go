package cron

import (
	"archive/zip"
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// oldestRelease is one that the program may never fall behind; raise it with the data.
const oldestRelease = "2026f"

func TestEmbeddedRelease(t *testing.T) {
	z := EmbeddedZones()
	if CompareReleases(z.Release(), oldestRelease) < 0 {
		t.Errorf("the zone data are of release %s, older than %s", z.Release(), oldestRelease)
	}
	if z != CurrentZones() {
		t.Error("a program that was told nothing else does not use the zone data built into it")
	}
}

// TestRulesOf2026 looks at a zone whose rules the releases of 2026 changed.
func TestRulesOf2026(t *testing.T) {
	s := Schedule{Timezone: "America/Winnipeg", Seconds: SetOf(0), Minutes: SetOf(0), Hours: SetOf(9), MonthDays: Every,
		Months: Every, Weekdays: Every}
	next, _ := s.Next(time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC))
	if want := time.Date(2026, 11, 27, 14, 0, 0, 0, time.UTC); !next.Equal(want) {
		t.Errorf("9:00 in Winnipeg is due at %v; want %v", next, want)
	}
}

func TestCompareReleases(t *testing.T) {
	ascending := []string{"", "1999z", "2025c", "2026a", "2026b", "2026z", "2026za", "2027a"}
	for i, a := range ascending {
		for j, b := range ascending {
			if got := CompareReleases(a, b); got < 0 != (i < j) || got > 0 != (i > j) {
				t.Errorf("CompareReleases(%q, %q) = %d", a, b, got)
			}
		}
	}
	for _, other := range []string{"2026", "26a", "2026F", "2026f-dirty", " 2026f", "v2026f", "2026f\n"} {
		if IsRelease(other) || CompareReleases(other, "1999a") >= 0 || CompareReleases("1999a", other) <= 0 {
			t.Errorf("%q is taken for a release", other)
		}
	}
}

// zoneFiles are TZif files by name, those of the embedded data.
func zoneFiles(t testing.TB, names ...string) map[string][]byte {
	t.Helper()
	files := make(map[string][]byte)
	for _, file := range EmbeddedZones().files {
		if slices.Contains(names, file.Name) {
			content, err := readEntry(file)
			if err != nil {
				t.Fatal(err)
			}
			files[file.Name] = content
		}
	}
	return files
}

func packed(t testing.TB, release string, files map[string][]byte) *Zones {
	t.Helper()
	data, err := PackZones(release, files)
	if err != nil {
		t.Fatal(err)
	}
	z, err := ParseZones(data)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestPackZones(t *testing.T) {
	names := []string{"America/New_York", "Europe/Berlin", "UTC"}
	z := packed(t, "2030b", zoneFiles(t, names...))
	if z.Release() != "2030b" || !slices.Equal(z.Names(), names) {
		t.Errorf("release %s with %v", z.Release(), z.Names())
	}
	if again := packed(t, "2030b", zoneFiles(t, names...)); again.Data() != z.Data() || again.Version() != z.Version() {
		t.Error("equal files made different data")
	}
	if other := packed(t, "2030c", zoneFiles(t, names...)); other.Version() == z.Version() {
		t.Error("another release has the same version")
	}
}

func TestParseZonesRefuses(t *testing.T) {
	berlin := zoneFiles(t, "Europe/Berlin", "UTC")
	with := func(name, content string) map[string][]byte {
		files := zoneFiles(t, "UTC")
		files[name] = []byte(content)
		return files
	}
	unnamed := func() []byte { // as Go has it
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		f, _ := w.Create("UTC")
		_, _ = f.Write(berlin["UTC"])
		_ = w.Close()
		return b.Bytes()
	}
	pack := func(release string, files map[string][]byte) []byte {
		data, err := PackZones(release, files)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	whole := pack("2030a", berlin)
	for name, test := range map[string]struct {
		data []byte
		want error
	}{
		"nothing":           {nil, ErrZoneData},
		"no zip file":       {[]byte(strings.Repeat("TZif", 100)), ErrZoneData},
		"a torn file":       {whole[:len(whole)-40], ErrZoneData},
		"a changed byte":    {bytes.Replace(whole, []byte("TZif"), []byte("TZiF"), 1), ErrZoneData},
		"no release":        {unnamed(), ErrZoneRelease},
		"an odd release":    {pack("yesterday", berlin), ErrZoneRelease},
		"no UTC":            {pack("2030a", zoneFiles(t, "Europe/Berlin")), ErrZoneData},
		"a zone of rubbish": {pack("2030a", with("Test/Rubbish", "TZif2 and nothing more")), ErrZoneData},
		"a large zone":      {pack("2030a", with("Test/Large", strings.Repeat("x", maxZoneFile+1))), ErrZoneData},
		"an odd name":       {pack("2030a", with("../UTC", string(berlin["UTC"]))), ErrZoneData},
		"a large file":      {make([]byte, MaxZoneData+1), ErrZoneData},
	} {
		if z, err := ParseZones(test.data); z != nil || !errors.Is(err, test.want) {
			t.Errorf("%s: %v, %v; want %v", name, z, err, test.want)
		}
	}
}

// TestZonesWith lets data without an old name keep the zone of the data before.
func TestZonesWith(t *testing.T) {
	older := packed(t, "2030a", zoneFiles(t, "Asia/Calcutta", "Europe/Berlin", "UTC"))
	files := zoneFiles(t, "America/New_York", "UTC")
	files["Europe/Berlin"] = zoneFiles(t, "Asia/Tokyo")["Asia/Tokyo"]
	newer := packed(t, "2030b", files)
	whole, err := newer.With(older)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"America/New_York", "Asia/Calcutta", "Europe/Berlin", "UTC"}
	if whole.Release() != "2030b" || !slices.Equal(whole.Names(), names) {
		t.Errorf("release %s with %v", whole.Release(), whole.Names())
	}
	offsets, err := whole.Offsets(time.Unix(0, 0))
	if err != nil || offsets[2].Offset != 9*time.Hour || offsets[1].Offset != 5*time.Hour+30*time.Minute {
		t.Errorf("offsets %v, %v", offsets, err)
	}
	if same, err := whole.With(newer); same != whole || err != nil {
		t.Errorf("complete data were changed: %v", err)
	}
}

func TestUseZones(t *testing.T) {
	defer currentZones.Store(currentZones.Load())
	if err := UseZones(packed(t, "2000a", zoneFiles(t, "UTC"))); !errors.Is(err, ErrOlderZones) {
		t.Errorf("older data were taken: %v", err)
	}
	if CurrentZones() != EmbeddedZones() {
		t.Error("what was refused is in use")
	}
	files := zoneFiles(t, "UTC")
	files["Test/Tokyo"] = zoneFiles(t, "Asia/Tokyo")["Asia/Tokyo"]
	newer := packed(t, "3000a", files)
	if err := UseZones(newer); err != nil {
		t.Fatal(err)
	}
	s := Schedule{Timezone: "Test/Tokyo", Seconds: SetOf(0), Minutes: SetOf(0), Hours: SetOf(9), MonthDays: Every,
		Months: Every, Weekdays: Every}
	if next, ok := s.Next(time.Unix(-1, 0)); !ok || next.Unix() != 0 {
		t.Errorf("a schedule is not read with the data in use: %v, %v", next, ok)
	}
	if err := UseZones(EmbeddedZones()); !errors.Is(err, ErrOlderZones) || CurrentZones() != newer {
		t.Errorf("older data were taken again: %v", err)
	}
}
