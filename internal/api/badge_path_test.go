package api_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
)

// TestBadgeAddresses fetches every badge from where it is said to be.
func TestBadgeAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		path := c.create(`{"url":"a.example","title":"mine"}`)
		for _, tt := range []struct {
			query string
			want  []int
		}{
			{"", []int{0, 1, 2, 3, 4, 5, 6, 7}},
			{"?options=", []int{0, 1, 2, 3, 4, 5, 6, 7}},
			{"?options=3", []int{3}},
			{"?options=0,%206", []int{0, 6}},
			{"?size=2&options=7", []int{7}},
		} {
			var answer struct {
				Badges []struct {
					Options       int    `json:"options"`
					Title         bool   `json:"title"`
					LastExecution bool   `json:"lastExecution"`
					Duration      bool   `json:"duration"`
					Path          string `json:"path"`
				} `json:"badges"`
			}
			decode(t, c.must("GET", path+"/badge"+tt.query, ""), &answer)
			var got []int
			for _, b := range answer.Badges {
				got = append(got, b.Options)
				time.Sleep(time.Second)
				image := c.do("GET", b.Path, "", "Authorization:")
				if image.status != 200 || b.Path != c.badgePath(path, cron.BadgeParts(b.Options)) {
					t.Errorf("%s: %d %s", b.Path, image.status, image.body)
				}
				if b.Title != (b.Options&1 != 0) || b.LastExecution != (b.Options&2 != 0) || b.Duration != (b.Options&4 != 0) {
					t.Errorf("the badge is %+v", b)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%q: badges %v", tt.query, got)
			}
		}
		for _, options := range []string{"8", "-1", "x", "1,,2"} {
			if got := c.do("GET", path+"/badge?options="+options, ""); got.status != 400 {
				t.Errorf("%s: %d %s", options, got.status, got.body)
			}
		}
		if got := c.do("GET", "/jobs/999/badge", ""); got.status != 404 {
			t.Errorf("a missing job: %d", got.status)
		}
	})
}
