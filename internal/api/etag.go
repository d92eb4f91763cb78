package api

import (
	"net/http"
	"slices"
	"strings"

	"punctual/internal/cron"
	"punctual/internal/service"
)

// setETag tells the version of a job that an answer is about, as a strong entity tag, and returns the tag.
func (a *api) setETag(w http.ResponseWriter, job *cron.Job) string {
	tag := `"` + a.service.Version(job) + `"`
	w.Header().Set("ETag", tag)
	return tag
}

// ifMatch is what the header If-Match asks for (RFC 9110, section 13.1.1); nil when there is none. Weak tags, and what is
// no entity tag, match nothing.
func ifMatch(r *http.Request) service.Precondition {
	values, given := r.Header["If-Match"]
	if !given {
		return nil
	}
	tags, any := entityTags(values)
	return func(version string) bool { return any || slices.Contains(tags, `"`+version+`"`) }
}

// notModified tells whether the header If-None-Match names the tag (RFC 9110, section 13.1.2), and then answers so.
func notModified(w http.ResponseWriter, r *http.Request, tag string) bool {
	tags, any := entityTags(r.Header["If-None-Match"])
	weakly := func(given string) bool { return strings.TrimPrefix(given, "W/") == tag }
	if !any && !slices.ContainsFunc(tags, weakly) {
		return false
	}
	w.WriteHeader(http.StatusNotModified)
	return true
}

// entityTags reads a list of entity tags (RFC 9110, section 8.8.3) with their quotation marks; any tells that it is "*".
// A tag may hold commas. What is none ends the list.
func entityTags(values []string) (tags []string, any bool) {
	list := strings.Join(values, ",")
	if strings.TrimSpace(list) == "*" {
		return nil, true
	}
	for {
		list = strings.TrimLeft(list, " \t,")
		opaque, weak := strings.CutPrefix(list, "W/")
		if !strings.HasPrefix(opaque, `"`) {
			return tags, false
		}
		end := strings.IndexByte(opaque[1:], '"')
		if end < 0 {
			return tags, false
		}
		tag := opaque[:end+2]
		list = opaque[end+2:]
		if weak {
			tag = "W/" + tag
		}
		tags = append(tags, tag)
	}
}
