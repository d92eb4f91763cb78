package api_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestReadingFolders has a row for each sentence of the contract about what clients send as a folder, and for each
// about its title. A row without want is refused with problems at the pointers in bad.
func TestReadingFolders(t *testing.T) {
	c := newClient(t)
	long := strings.Repeat("ü", 128)
	for _, tt := range []struct {
		name  string
		patch bool // of a folder with the title "old", not a new one
		body  string
		want  string
		bad   []string
	}{
		{name: "a title", body: `{"folder":{"title":"a"}}`, want: "a"},
		{name: "unknown and read-only fields", body: `{"folder":{"title":"b","folderId":"x","jobs":[]},"x":1}`, want: "b"},
		{name: "a title is trimmed", body: `{"folder":{"title":" \t c\n"}}`, want: "c"},
		{name: "a title of 128 characters", body: `{"folder":{"title":"` + long + `"}}`, want: long},
		{name: "a title of 129 characters", body: `{"folder":{"title":"x` + long + `"}}`, bad: []string{"/folder/title"}},
		{name: "spaces around do not count", patch: true, body: `{"folder":{"title":" ` + strings.Repeat("x", 128) + ` "}}`,
			want: strings.Repeat("x", 128)},
		{name: "no title in a PUT", body: `{"folder":{}}`, bad: []string{"/folder/title"}},
		{name: "null in a PUT", body: `{"folder":{"title":null}}`, bad: []string{"/folder/title"}},
		{name: "no title in a PATCH", patch: true, body: `{"folder":{}}`, want: "old"},
		{name: "null in a PATCH", patch: true, body: `{"folder":{"title":null}}`, want: "old"},
		{name: "a title in a PATCH", patch: true, body: `{"folder":{"title":"new"}}`, want: "new"},
		{name: "another letter case", patch: true, body: `{"folder":{"title":"OLD"}}`, want: "OLD"},
		{name: "an empty title", patch: true, body: `{"folder":{"title":""}}`, bad: []string{"/folder/title"}},
		{name: "spaces only", body: `{"folder":{"title":" "}}`, bad: []string{"/folder/title"}},
		{name: "NUL", body: `{"folder":{"title":"a\u0000b"}}`, bad: []string{"/folder/title"}},
		{name: "a number", body: `{"folder":{"title":5}}`, bad: []string{"/folder/title"}},
		{name: "an object", body: `{"folder":{"title":{}}}`, bad: []string{"/folder/title"}},
		{name: "no folder", body: `{"title":"x"}`, bad: []string{"/folder"}},
		{name: "a folder that is null", body: `{"folder":null}`, bad: []string{"/folder"}},
		{name: "a folder that is text", body: `{"folder":"x"}`, bad: []string{"/folder"}},
		{name: "a job", body: `{"job":{"title":"x"}}`, bad: []string{"/folder"}},
		{name: "no object", body: `[]`, bad: []string{""}},
		{name: "no JSON", body: `title=x`, bad: nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &client{t, c.server, c.account, c.key}
			method, path := "PUT", "/folders"
			if tt.patch {
				method, path = "PATCH", c.createFolder("old")
			}
			got := c.do(method, path, tt.body)
			if tt.want == "" {
				if got.status != 400 {
					t.Fatalf("status %d: %s", got.status, got.body)
				}
				if at := pointers(t, got); len(tt.bad) > 0 && tt.bad[0] != "" && !slices.Equal(at, tt.bad) {
					t.Errorf("problems at %q, want %q", at, tt.bad)
				}
			} else {
				if got.status != 200 {
					t.Fatalf("status %d: %s", got.status, got.body)
				}
				if !tt.patch {
					path += "/" + part(t, json.RawMessage(got.body), "folderId")
				}
				if title := c.folder(path).Title; title != tt.want {
					t.Errorf("the title reads back as %q, want %q", title, tt.want)
				}
			}
			if tt.patch {
				c.must("DELETE", path, "")
			}
		})
	}
}

// createFolder makes a folder and returns its path.
func (c *client) createFolder(title string) string {
	c.t.Helper()
	text, err := json.Marshal(title)
	if err != nil {
		c.t.Fatal(err)
	}
	created := c.must("PUT", "/folders", `{"folder":{"title":`+string(text)+`}}`)
	return "/folders/" + part(c.t, json.RawMessage(created), "folderId")
}

// folder reads a folder.
func (c *client) folder(path string) folder {
	c.t.Helper()
	var answer struct {
		FolderDetails folder `json:"folderDetails"`
	}
	decode(c.t, c.must("GET", path, ""), &answer)
	return answer.FolderDetails
}

// TestFoldersAreApart makes sure that nobody reaches what belongs to another account.
func TestFoldersAreApart(t *testing.T) {
	s := newServer(t)
	mine, theirs := s.newClient(t, "a@example.com", "unlimited"), s.newClient(t, "b@example.com", "unlimited")
	path := theirs.createFolder("theirs")
	for _, call := range [][3]string{
		{"GET", path, ""},
		{"PATCH", path, `{"folder":{"title":"mine"}}`},
		{"PATCH", path, `{"folder":{"title":"theirs"}}`},
		{"DELETE", path, ""},
	} {
		got := mine.do(call[0], call[1], call[2])
		missing := mine.do(call[0], "/folders/4711", call[2])
		if got.status != 404 || got.body != missing.body {
			t.Errorf("%s: %d %s, but of one that does not exist: %s", call[0], got.status, got.body, missing.body)
		}
	}
	if got := mine.do("PUT", "/jobs", `{"job":{"url":"a.example","folderId":1}}`); got.status != 400 {
		t.Errorf("a job in another account's folder: status %d", got.status)
	}
	if list := mine.must("GET", "/folders", ""); list != `{"folders":[]}`+"\n" {
		t.Errorf("the list is %s", list)
	}
	if got := theirs.folder(path).Title; got != "theirs" {
		t.Errorf("the folder has become %q", got)
	}
}

func TestJobsInFolders(t *testing.T) {
	c := newClient(t)
	folder := c.createFolder("Backups")
	id := strings.TrimPrefix(folder, "/folders/")
	path := c.create(`{"url":"a.example","folderId":"` + id + `"}`)
	if got := c.job(path).FolderID; got != 1 {
		t.Errorf("the job is in folder %d", got)
	}
	c.must("DELETE", folder, "")
	if got := c.job(path).FolderID; got != 0 {
		t.Errorf("the job is in folder %d after that was deleted", got)
	}
	got := c.do("PATCH", path, `{"job":{"folderId":`+id+`}}`)
	if got.status != 400 || !slices.Equal(pointers(t, got), []string{"/job/folderId"}) {
		t.Errorf("back into the deleted folder: %d %s", got.status, got.body)
	}
}

// FuzzFolder sends anything as a folder. It is never our fault, and what is accepted reads back as the contract says.
func FuzzFolder(f *testing.F) {
	for _, seed := range []string{
		`{"folder":{"title":"a"}}`, `{"folder":{"title":" \u00fc\ud800 "}}`, `{"folder":{"title":null}}`, `{"folder":[]}`,
		`{"folder":{"title":"a"},"folder":{"title":5}}`, `{"folder":{"title":"OLD"}}`, `[]`, `null`, ``,
	} {
		f.Add([]byte(seed))
	}
	server := newClient(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		c := &client{t, server.server, server.account, server.key}
		old := c.createFolder("old")
		defer c.must("DELETE", old, "")
		put := c.do("PUT", "/folders", string(body), "Content-Type: application/json")
		if checkFolderAnswer(t, put) {
			path := "/folders/" + part(t, json.RawMessage(put.body), "folderId")
			checkFolder(t, c, path)
			c.must("DELETE", path, "")
		}
		patch := c.do("PATCH", old, string(body), "Content-Type: application/json")
		if checkFolderAnswer(t, patch) {
			checkFolder(t, c, old)
		} else if title := c.folder(old).Title; title != "old" {
			t.Errorf("a refused PATCH changed the title to %q", title)
		}
		if put.status == 200 && patch.status != 200 {
			t.Errorf("PUT was accepted, PATCH was not: %s", patch.body)
		}
	})
}

// checkFolderAnswer checks what is true of every answer, and tells whether the folder was accepted.
func checkFolderAnswer(t *testing.T, got response) (accepted bool) {
	t.Helper()
	switch got.status {
	case 200:
		return true
	case 400:
		for _, pointer := range pointers(t, got) {
			if !strings.HasPrefix(pointer, "/folder") {
				t.Errorf("a problem is at %q", pointer)
			}
		}
	case 409:
		pointers(t, got)
	default:
		t.Errorf("status %d: %s", got.status, got.body)
	}
	if !utf8.ValidString(got.body) {
		t.Errorf("the answer is not UTF-8: %q", got.body)
	}
	return false
}

// checkFolder checks what is true of every folder that was accepted.
func checkFolder(t *testing.T, c *client, path string) {
	t.Helper()
	f := c.folder(path)
	if f.Title == "" || f.Title != strings.TrimSpace(f.Title) || utf8.RuneCountInString(f.Title) > 128 ||
		strings.ContainsRune(f.Title, 0) {
		t.Errorf("reads back as %+v", f)
	}
	title, err := json.Marshal(f.Title)
	if err != nil {
		t.Fatal(err)
	}
	c.must("PATCH", path, `{"folder":{"title":`+string(title)+`}}`)
	if again := c.folder(path); again != f {
		t.Errorf("sent again, %+v becomes %+v", f, again)
	}
}
