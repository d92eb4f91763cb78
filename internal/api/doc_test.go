package api

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"punctual/internal/cron"
)

// documentation is the page about the API.
func documentation(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "api.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestDocumentationHasEveryCall looks for each route in the table of calls, where methods that share a path stand in
// one row.
func TestDocumentationHasEveryCall(t *testing.T) {
	documented := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\|[^|`]*(`[A-Z].*?`) \\|").FindAllStringSubmatch(documentation(t), -1) {
		methods, path, _ := strings.Cut(strings.NewReplacer("`", "", ",", "").Replace(row[1]), " /")
		documented["/"+path] += methods + " "
	}
	documented["/jobs/{jobId}/{token}/{badge}"] = documented["/jobs/{jobId}/{token}/status-{options}.svg"] + "HEAD "
	for _, r := range new(api).routes() {
		if !strings.Contains(documented[r.pattern], r.method+" ") {
			t.Errorf("docs/api.md does not have %s %s", r.method, r.pattern)
		}
	}
}

// TestDocumentationHasEveryMember looks for the members of all objects of the golden files.
func TestDocumentationHasEveryMember(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{} // that have a member, by its name
	for _, path := range paths {
		golden, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(golden, &v); err != nil {
			t.Fatal(err)
		}
		collectMembers(v, filepath.Base(path), files)
	}
	text := documentation(t)
	for name, file := range files {
		if !regexp.MustCompile("[`.\"]" + name + "[`\"]").MatchString(text) {
			t.Errorf("docs/api.md does not have %s of %s", name, file)
		}
	}
}

// collectMembers notes the names of members in v. Those of headers are no members.
func collectMembers(v any, file string, files map[string]string) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			collectMembers(item, file, files)
		}
	case map[string]any:
		for name, member := range v {
			files[name] = file
			if name != "headers" {
				collectMembers(member, file, files)
			}
		}
	}
}

// TestDocumentationHasTheNumbersOfPlans compares its table with the plans.
func TestDocumentationHasTheNumbersOfPlans(t *testing.T) {
	rows := regexp.MustCompile("(?m)^\\|[^|]*\\| `([a-zA-Z]+)` \\| ([0-9,–]+) \\| ([0-9,–]+) \\| ([0-9,–]+) \\|$").
		FindAllStringSubmatch(documentation(t), -1)
	plans := cron.DefaultPlans()
	for _, row := range rows {
		name := row[1]
		for i, plan := range []string{cron.PlanDefault, cron.PlanMember, cron.PlanUnlimited} {
			n, err := strconv.ParseInt(strings.NewReplacer(",", "", "–", "0").Replace(row[2+i]), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			same := cron.Overrides{name: n}
			if err := same.Check(); err != nil {
				t.Error(err)
			}
			if plans.Of(plan, same) != plans.Of(plan, nil) {
				t.Errorf("%s of plan %s is not %d", name, plan, n)
			}
		}
	}
	// The error lists all names.
	err := cron.Overrides{"": 1}.Check()
	if err == nil {
		t.Fatal("a number without a name is taken")
	}
	_, list, _ := strings.Cut(err.Error(), "[")
	for name := range strings.FieldsSeq(strings.Trim(list, "[]")) {
		if !strings.Contains(documentation(t), "| `"+name+"` |") {
			t.Errorf("docs/api.md does not have the number %s", name)
		}
	}
	if len(rows) == 0 {
		t.Error("docs/api.md has no table of plans")
	}
}
