package api_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"punctual/internal/cron"
)

// part is the value at a dotted path of a JSON object, as it stands in the text.
func part(t testing.TB, text json.RawMessage, path string) string {
	t.Helper()
	for name := range strings.SplitSeq(path, ".") {
		var members map[string]json.RawMessage
		if err := json.Unmarshal(text, &members); err != nil {
			t.Fatalf("%s: %v in %s", path, err, text)
		}
		var ok bool
		if text, ok = members[name]; !ok {
			t.Fatalf("there is no %s in %v", path, members)
		}
	}
	return string(text)
}

// pointers lists what a problem points to.
func pointers(t *testing.T, got response) []string {
	t.Helper()
	var p problem
	decode(t, got.body, &p)
	if got.status != p.Status {
		t.Errorf("the status is %d, and %d in the problem", got.status, p.Status)
	}
	var list []string
	for _, e := range p.Errors {
		if e.Detail == "" {
			t.Errorf("nothing is said of %s", e.Pointer)
		}
		list = append(list, e.Pointer)
	}
	return list
}

// everyField is a job whose fields all differ from the defaults; the rows below start from it when they patch.
const everyField = `{"enabled":true,"title":"old","saveResponses":true,"url":"http://old.example/","requestTimeout":9,
	"redirectSuccess":true,"requestMethod":1,"auth":{"enable":true,"user":"u","password":"p"},
	"notification":{"onFailure":true,"onFailureCount":4,"onSuccess":true,"onDisable":true,"onSslCertExpiry":true,
		"onSslCertExpirySeconds":60},
	"extendedData":{"headers":{"A":"1","B":"2"},"body":"old"},
	"schedule":{"timezone":"Asia/Tokyo","expiresAt":20991231235959,"hours":[1],"mdays":[2],"minutes":[3],"months":[4],
		"wdays":[5],"seconds":[6],"days":"both","lastDay":true,"dst":"wallclock","spreadSeconds":7},
	"runAt":4102444800,"pausedUntil":4070908800,"pauseNote":"old","silencedUntil":4070908801,
	"description":"old","tags":["old","x"],"channelIds":[1],
	"misfire":"run","graceSeconds":90,"overlap":"skip","delivery":"at-least-once",
	"retry":{"count":3,"delaySeconds":5,"factor":1.5,"ceilingSeconds":60},
	"followRedirects":4,"verifyTls":false,"oversize":"truncate","connection":"reuse",
	"success":{"status":["201"],"contains":"a","notContains":"b","matches":"c"}}`

// wants is values of a job by dotted path.
type wants map[string]string

// reading is a job that is sent: it reads back as want says, or is refused with problems at the pointers in bad.
type reading struct {
	name  string
	patch bool // of everyField, not a new job
	job   string
	want  wants
	bad   []string
}

// TestReading has a row for each sentence of the contract about what clients send.
func TestReading(t *testing.T) {
	checkReadings(t, []reading{
		// Unknown and read-only fields are ignored.
		{name: "unknown fields", job: `{"url":"a.example","colour":"red","schedule":{"weeks":[1]},"auth":{"x":{}}}`,
			want: wants{"url": `"http://a.example"`}},
		{name: "read-only fields", job: `{"url":"a.example","jobId":"x","lastStatus":[],"lastDuration":7,
			"lastExecution":7,
			"sslCertExpiry":7,"nextExecution":7,"type":1}`,
			want: wants{"lastStatus": "0", "lastDuration": "0", "lastExecution": "0", "sslCertExpiry": "null",
				"nextExecution": "null", "type": "0"}},
		{name: "names of fields keep their case", job: `{"url":"a.example","Title":"x","ENABLED":true}`,
			want: wants{"title": `""`, "enabled": "false"}},
		{name: "the last of equal names counts", job: `{"url":"ftp://x","title":5,"url":"a.example","title":"b"}`,
			want: wants{"url": `"http://a.example"`, "title": `"b"`}},

		// null in a PATCH means unchanged, in a PUT left out.
		{name: "null in a PUT", job: `{"url":"a.example","enabled":null,"title":null,"requestTimeout":null,
			"auth":null,"notification":null,
			"extendedData":null,"schedule":null,"requestMethod":null,"folderId":null}`,
			want: wants{"enabled": "false", "title": `""`, "requestTimeout": "-1",
				"auth":                        `{"enable":false,"user":"","password":""}`,
				"notification.onFailureCount": "1", "notification.onSslCertExpirySeconds": "604800",
				"extendedData": `{"headers":{},"body":""}`, "schedule.timezone": `"UTC"`, "schedule.seconds": "[0]",
				"schedule.dst": `"once"`, "requestMethod": "0", "folderId": "0"}},
		{name: "null for the URL in a PUT", job: `{"url":null}`, bad: []string{"/job/url"}},
		{name: "null deep in a PUT", job: `{"url":"a.example","auth":{"user":null},"schedule":{"hours":null,
			"timezone":null,"dst":null},"extendedData":{"headers":null,"body":null}}`,
			want: wants{"auth.user": `""`, "schedule.hours": "[]", "schedule.timezone": `"UTC"`, "schedule.dst": `"once"`}},
		{name: "null in a PATCH", patch: true, job: `{"enabled":null,"title":null,"saveResponses":null,"url":null,
			"requestTimeout":null,"redirectSuccess":null,"requestMethod":null,"auth":null,"notification":null,
			"extendedData":null,"schedule":null}`,
			want: wants{"enabled": "true", "title": `"old"`, "saveResponses": "true", "url": `"http://old.example/"`,
				"requestTimeout": "9", "redirectSuccess": "true", "requestMethod": "1", "auth.user": `"u"`, "notification.onFailureCount": "4",
				"extendedData.headers": `{"A":"1","B":"2"}`, "schedule.hours": "[1]"}},
		{name: "null deep in a PATCH", patch: true, job: `{"auth":{"user":null},"schedule":{"hours":null,
			"expiresAt":null,"dst":null},"extendedData":{"headers":null},"notification":{"onFailureCount":null}}`,
			want: wants{"auth.user": `"u"`, "schedule.hours": "[1]", "schedule.expiresAt": "20991231235959",
				"schedule.dst":         `"wallclock"`,
				"extendedData.headers": `{"A":"1","B":"2"}`, "notification.onFailureCount": "4"}},

		// A PATCH merges field by field, in auth, notification, extendedData and schedule too.
		{name: "nothing to change", patch: true, job: `{}`, want: wants{"title": `"old"`, "schedule.minutes": "[3]"}},
		{name: "merge", patch: true, job: `{"title":"new","auth":{"password":"q"},"notification":{"onSuccess":false},
			"extendedData":{"body":"new"},"schedule":{"minutes":[7,8]}}`,
			want: wants{"title": `"new"`, "url": `"http://old.example/"`,
				"auth": `{"enable":true,"user":"u","password":"q"}`,
				"notification": `{"onFailure":true,"onFailureCount":4,"onSuccess":false,"onDisable":true,
					"onSslCertExpiry":true,"onSslCertExpirySeconds":60}`,
				"extendedData": `{"headers":{"A":"1","B":"2"},"body":"new"}`,
				"schedule": `{"timezone":"Asia/Tokyo","expiresAt":20991231235959,"hours":[1],"mdays":[2],
					"minutes":[7,8],"months":[4],"wdays":[5],"seconds":[6],"days":"both","lastDay":true,
					"dst":"wallclock","spreadSeconds":7}`}},
		{name: "headers replace the whole dictionary", patch: true, job: `{"extendedData":{"headers":{"C":"3"}}}`,
			want: wants{"extendedData": `{"headers":{"C":"3"},"body":"old"}`}},
		{name: "an array replaces the array", patch: true, job: `{"schedule":{"hours":[]}}`,
			want: wants{"schedule.hours": "[]"}},
		{name: "a new value may be empty", patch: true, job: `{"title":"","auth":{"enable":false,"user":""},
			"extendedData":{"body":""}}`,
			want: wants{"title": `""`, "auth": `{"enable":false,"user":"","password":"p"}`, "extendedData.body": `""`}},
		{name: "an empty URL", patch: true, job: `{"url":" "}`, bad: []string{"/job/url"}},

		// An int may come as a string of digits, a bool as 0, 1, "true" or "false".
		{name: "integers as strings", job: `{"url":"a.example","requestTimeout":"30","folderId":"0","requestMethod":"8",
			"notification":{"onFailureCount":"5","onSslCertExpirySeconds":"+7"},
			"schedule":{"expiresAt":"20301231235959","hours":["1",2,"03"]}}`,
			want: wants{"requestTimeout": "30", "requestMethod": "8", "notification.onFailureCount": "5",
				"notification.onSslCertExpirySeconds": "7", "schedule.expiresAt": "20301231235959",
				"schedule.hours": "[1,2,3]"}},
		{name: "integers as floats", job: `{"url":"a.example","requestTimeout":30.0,"requestMethod":1e0,
			"schedule":{"hours":[2.0,1e1],"expiresAt":2.0301231235959e13}}`,
			want: wants{"requestTimeout": "30", "requestMethod": "1", "schedule.hours": "[2,10]",
				"schedule.expiresAt": "20301231235959"}},
		{name: "no integers", job: `{"url":"a.example","requestTimeout":1.5,"folderId":true,
			"schedule":{"expiresAt":"","hours":[" 1","1e1","x",[],{}]}}`,
			bad: []string{"/job/requestTimeout", "/job/folderId", "/job/schedule/expiresAt", "/job/schedule/hours/0",
				"/job/schedule/hours/1",
				"/job/schedule/hours/2", "/job/schedule/hours/3", "/job/schedule/hours/4"}},
		{name: "huge numbers", job: `{"url":"a.example","requestTimeout":99999999999999999999,"folderId":1e999,
			"schedule":{"expiresAt":-1e999,"hours":["99999999999999999999"]}}`,
			bad: []string{"/job/requestTimeout", "/job/folderId", "/job/schedule/expiresAt", "/job/schedule/hours/0"}},
		{name: "true as number", job: `{"url":"a.example","enabled":1,"saveResponses":"1","redirectSuccess":"true",
			"auth":{"enable":true}}`,
			want: wants{"enabled": "true", "saveResponses": "true", "redirectSuccess": "true", "auth.enable": "true"}},
		{name: "false as number", patch: true, job: `{"enabled":0,"saveResponses":"0","redirectSuccess":"false",
			"auth":{"enable":false}}`,
			want: wants{"enabled": "false", "saveResponses": "false", "redirectSuccess": "false", "auth.enable": "false"}},
		{name: "no booleans", job: `{"url":"a.example","enabled":2,"saveResponses":"","redirectSuccess":"yes",
			"auth":{"enable":[]}}`,
			bad: []string{"/job/enabled", "/job/saveResponses", "/job/redirectSuccess", "/job/auth/enable"}},
		{name: "no strings", job: `{"url":5,"title":true,"auth":{"user":1},"extendedData":{"body":{}},
			"schedule":{"timezone":0,"dst":0}}`,
			bad: []string{"/job/title", "/job/url", "/job/auth/user", "/job/extendedData/body",
				"/job/schedule/timezone", "/job/schedule/dst"}},

		// headers may also come as [] (none) or as a list.
		{name: "headers as an empty list", patch: true, job: `{"extendedData":{"headers":[]}}`,
			want: wants{"extendedData.headers": "{}"}},
		{name: "headers as a list", job: `{"url":"a.example","extendedData":{"headers":[{"key":"B","value":"1"},
			{"name":"A","value":"2"},{"key":null,"name":"C","value":3}]}}`,
			want: wants{"extendedData.headers": `{"B":"1","A":"2","C":"3"}`}},
		{name: "headers keep their order", job: `{"url":"a.example","extendedData":{"headers":{"Z":"1","A":"2",
			"M":"3"}}}`,
			want: wants{"extendedData.headers": `{"Z":"1","A":"2","M":"3"}`}},
		{name: "headers of a list may repeat", job: `{"url":"a.example","extendedData":{"headers":[{"key":"A",
			"value":"1"},{"key":"B","value":"2"},{"key":" A","value":"3"},{"name":"A","value":"1"}]}}`,
			want: wants{"extendedData.headers": `[{"key":"A","value":"1"},{"key":"B","value":"2"},{"key":"A","value":"3"},
				{"key":"A","value":"1"}]`}},
		{name: "headers that differ in case repeat", job: `{"url":"a.example","extendedData":{"headers":{"a":"1","A":"2"}}}`,
			want: wants{"extendedData.headers": `[{"key":"a","value":"1"},{"key":"A","value":"2"}]`}},
		{name: "the last of equal members counts for headers too", job: `{"url":"a.example","extendedData":{"headers":
			{"A":"1","B":"2","\u0041":"3"}}}`,
			want: wants{"extendedData.headers": `{"A":"3","B":"2"}`}},
		{name: "repeated headers give way to others", patch: true, job: `{"extendedData":{"headers":[{"key":"A","value":"9"}]}}`,
			want: wants{"extendedData.headers": `{"A":"9"}`}},
		{name: "numbers as header values", job: `{"url":"a.example","extendedData":{"headers":{"A":1,"B":-2.50}}}`,
			want: wants{"extendedData.headers": `{"A":"1","B":"-2.50"}`}},
		{name: "no headers", job: `{"url":"a.example","extendedData":{"headers":"A: b"}}`,
			bad: []string{"/job/extendedData/headers"}},
		{name: "no header values", job: `{"url":"a.example","extendedData":{"headers":{"A":{},"B":[],"a/b~c":true}}}`,
			bad: []string{"/job/extendedData/headers/A", "/job/extendedData/headers/B",
				"/job/extendedData/headers/a~1b~0c"}},
		{name: "no headers in a list", job: `{"url":"a.example","extendedData":{"headers":["A: b",{"key":1,
			"value":"x"},{"name":"A","value":false}]}}`,
			bad: []string{"/job/extendedData/headers/0", "/job/extendedData/headers/1/key",
				"/job/extendedData/headers/2/value"}},

		// Header names and values lose CR and LF and are trimmed; …
		{name: "line breaks in headers", job: `{"url":"a.example",
			"extendedData":{"headers":{" X-\r\nA ":"\t b\r\n c ","Y":"\r\n"}}}`,
			want: wants{"extendedData.headers": `{"X-A":"b c"}`}},
		{name: "empty headers are dropped", job: `{"url":"a.example","extendedData":{"headers":{"":"x"," ":"x",
			"A":"","B":" ","C":null,"D":"d"}}}`,
			want: wants{"extendedData.headers": `{"D":"d"}`}},
		{name: "empty headers in a list are dropped", job: `{"url":"a.example","extendedData":{"headers":[{},
			{"key":"A"},{"value":"x"},{"key":"","value":"x"},{"name":"D","value":"d"}]}}`,
			want: wants{"extendedData.headers": `{"D":"d"}`}},
		{name: "header names that are no tokens", job: `{"url":"a.example","extendedData":{"headers":{"a b":"x",
			"ü":"x","a:":"x"}}}`,
			bad: []string{"/job/extendedData/headers/a b", "/job/extendedData/headers/ü",
				"/job/extendedData/headers/a:"}},
		{name: "header names in a list that are no tokens", job: `{"url":"a.example",
			"extendedData":{"headers":[{"name":"a b","value":"x"}]}}`,
			bad: []string{"/job/extendedData/headers/0/name"}},
		{name: "control characters in a header", job: `{"url":"a.example","extendedData":{"headers":{"A":"\u0000"}}}`,
			bad: []string{"/job/extendedData/headers"}},

		// Placeholders are kept as they are.
		{name: "placeholders", job: `{"url":"http://a.example/%cjo:uuid4%?t=%cjo:unixtime%",
			"extendedData":{"headers":{"A":"%cjo:uuid4%"},"body":"%cjo:unixtime%"}}`,
			want: wants{"url": `"http://a.example/%cjo:uuid4%?t=%cjo:unixtime%"`,
				"extendedData": `{"headers":{"A":"%cjo:uuid4%"},"body":"%cjo:unixtime%"}`}},
		{name: "a placeholder for the host", job: `{"url":"http://%cjo:unixtime%/"}`, bad: []string{"/job/url"}},
		{name: "no placeholder", job: `{"url":"http://a.example/%cjo:other%"}`, bad: []string{"/job/url"}},

		// A URL without a scheme means http://.
		{name: "no scheme", job: `{"url":" a.example:81/x?y#z "}`, want: wants{"url": `"http://a.example:81/x?y#z"`}},
		{name: "no scheme, but one in the query", job: `{"url":"a.example/?to=https://b.example"}`,
			want: wants{"url": `"http://a.example/?to=https://b.example"`}},
		{name: "scheme in capitals", job: `{"url":"HTTPS://a.example"}`, want: wants{"url": `"HTTPS://a.example"`}},
		{name: "another scheme", job: `{"url":"gopher://a.example"}`, bad: []string{"/job/url"}},
		{name: "one slash", job: `{"url":"https:/a.example:81/x"}`, want: wants{"url": `"https://a.example:81/x"`}},
		{name: "host and port", job: `{"url":"localhost:3000"}`, want: wants{"url": `"http://localhost:3000"`}},
		{name: "no colon", job: `{"url":"https//a.example/"}`, bad: []string{"/job/url"}},
		{name: "a semicolon", patch: true, job: `{"url":"http;//a.example/"}`, bad: []string{"/job/url"}},
		{name: "a mail address", job: `{"url":"mailto:a@b.example"}`, bad: []string{"/job/url"}},
		{name: "user and password", patch: true, job: `{"url":"https://u:p%40@a.example/"}`,
			want: wants{"url": `"https://u:p%40@a.example/"`}},
		{name: "no host", job: `{"url":"http://:80/"}`, bad: []string{"/job/url"}},
		{name: "a URL in a PATCH", patch: true, job: `{"url":"b.example"}`, want: wants{"url": `"http://b.example"`}},
		{name: "a blocked address", job: `{"url":"http://u:p@169.254.169.254:80/"}`, bad: []string{"/job/url"}},
		{name: "a blocked address in a PATCH", patch: true, job: `{"url":"169.254.169.254"}`,
			bad: []string{"/job/url"}},
		{name: "a long URL", job: `{"url":"http://a.example/` + strings.Repeat("x", 8192-17) + `"}`,
			want: wants{"title": `""`}},
		{name: "a URL that is too long", job: `{"url":"http://a.example/` + strings.Repeat("x", 8193-17) + `"}`,
			bad: []string{"/job/url"}},

		// The objects of the contract.
		{name: "title is trimmed", job: `{"url":"a.example","title":"\t <b>\"ü\" \u0007 "}`,
			want: wants{"title": `"<b>\"ü\" \u0007"`}},
		{name: "title of 512 characters", job: `{"url":"a.example","title":" ` + strings.Repeat("ü", 512) + ` "}`,
			want: wants{"enabled": "false"}},
		{name: "title of 513 characters", job: `{"url":"a.example","title":"` + strings.Repeat("ü", 513) + `"}`,
			bad: []string{"/job/title"}},
		{name: "NUL in a title", job: `{"url":"a.example","title":"a\u0000b"}`, bad: []string{"/job/title"}},
		{name: "NUL in a URL", job: `{"url":"a.example/\u0000"}`, bad: []string{"/job/url"}},
		{name: "NUL in a time zone", job: `{"url":"a.example","schedule":{"timezone":"UTC\u0000"}}`,
			bad: []string{"/job/schedule/timezone"}},
		{name: "NUL in body and credentials", job: `{"url":"a.example","auth":{"user":"a\u0000","password":"\u0000"},
			"extendedData":{"body":"a\u0000b"}}`,
			want: wants{"auth.user": `"a\u0000"`, "auth.password": `"\u0000"`, "extendedData.body": `"a\u0000b"`}},
		{name: "text that is not UTF-8", job: "{\"url\":\"a.example\",\"title\":\"a\xffb\"}", bad: []string{"/job/title"}},
		{name: "a surrogate pair", job: `{"url":"a.example","title":"\ud83d\ude00\\ud800"}`,
			want: wants{"title": `"😀\\ud800"`}},
		{name: "half a surrogate pair", job: `{"url":"a.example","title":"\ud83d!"}`, bad: []string{"/job/title"}},
		{name: "a description and tags", job: `{"url":"a.example","description":"\n# <b>\n\nü ","tags":[" b ","A","B",""]}`,
			want: wants{"description": `"# <b>\n\nü"`, "tags": `["b","A"]`}},
		{name: "tags replace tags", patch: true, job: `{"tags":["new"]}`, want: wants{"tags": `["new"]`, "description": `"old"`}},
		{name: "no tags", patch: true, job: `{"tags":[],"description":""}`, want: wants{"tags": `[]`, "description": `""`}},
		{name: "null leaves them", patch: true, job: `{"tags":null,"description":null}`,
			want: wants{"tags": `["old","x"]`, "description": `"old"`}},
		{name: "channels", job: `{"url":"a.example","channelIds":["1",1]}`, want: wants{"channelIds": `[1]`}},
		{name: "nobody is told", patch: true, job: `{"channelIds":[]}`, want: wants{"channelIds": `[]`}},
		{name: "channels are left", patch: true, job: `{}`, want: wants{"channelIds": `[1]`}},
		{name: "null leaves the channels to the account", patch: true, job: `{"channelIds":null}`, want: wants{"channelIds": `null`}},
		{name: "channels that are no numbers", patch: true, job: `{"channelIds":["x",0,-1,null,{}]}`,
			bad: []string{"/job/channelIds/0", "/job/channelIds/1", "/job/channelIds/2", "/job/channelIds/3", "/job/channelIds/4"}},
		{name: "channels that are no list", patch: true, job: `{"channelIds":1}`, bad: []string{"/job/channelIds"}},
		{name: "channels that do not exist", patch: true, job: `{"channelIds":[1,4711]}`, bad: []string{"/job/channelIds"}},
		{name: "too many channels", patch: true, job: `{"channelIds":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21]}`,
			bad: []string{"/job/channelIds"}},
		{name: "a description of 16 KiB", job: `{"url":"a.example","description":"` + strings.Repeat("ü", 8<<10) + `"}`,
			want: wants{"tags": `[]`}},
		{name: "a longer one", patch: true, job: `{"description":"` + strings.Repeat("ü", 8<<10) + `x"}`, bad: []string{"/job/description"}},
		{name: "NUL in it", patch: true, job: `{"description":"a\u0000"}`, bad: []string{"/job/description"}},
		{name: "tags that are no texts", patch: true, job: `{"tags":["a",7,{},null]}`,
			bad: []string{"/job/tags/1", "/job/tags/2", "/job/tags/3"}},
		{name: "tags that are no list", patch: true, job: `{"tags":"a"}`, bad: []string{"/job/tags"}},
		{name: "a comma in a tag", patch: true, job: `{"tags":["a,b"]}`, bad: []string{"/job/tags"}},
		{name: "too many tags", patch: true, job: `{"tags":["a","b","c","d","e","f","g","h","i","j","k","l","m","n","o","p","q","r","s",
			"t","u"]}`, bad: []string{"/job/tags"}},
		{name: "authors are not for clients", patch: true, job: `{"createdBy":"x","updatedBy":7,"created":1,"updated":2}`,
			want: wants{"createdBy": `"…"`, "updatedBy": `"…"`}}, // the key of the tests, which has no title
		{name: "request timeouts are kept", job: `{"url":"a.example","requestTimeout":86400}`,
			want: wants{"requestTimeout": "86400"}},
		{name: "negative request timeouts too", job: `{"url":"a.example","requestTimeout":-7}`,
			want: wants{"requestTimeout": "-7"}},
		{name: "onFailureCount is at least 1", job: `{"url":"a.example","notification":{"onFailureCount":-3}}`,
			want: wants{"notification.onFailureCount": "1"}},
		{name: "onSslCertExpirySeconds is at least 0", job: `{"url":"a.example",
			"notification":{"onSslCertExpirySeconds":-3}}`,
			want: wants{"notification.onSslCertExpirySeconds": "0"}},
		{name: "an unknown folder", job: `{"url":"a.example","folderId":-1}`, bad: []string{"/job/folderId"}},
		{name: "a body of 1 MiB, escaped", job: `{"url":"a.example",
			"extendedData":{"body":"` + strings.Repeat(`\u0001`, 1<<20) + `"}}`,
			want: wants{"title": `""`}},
		{name: "a body that is too large", job: `{"url":"a.example",
			"extendedData":{"body":"` + strings.Repeat(`x`, 1<<20+1) + `"}}`,
			bad: []string{"/job/extendedData/body"}},
		{name: "headers that are too large", job: `{"url":"a.example",
			"extendedData":{"headers":{"A":"` + strings.Repeat(`x`, 64<<10) + `"}}}`,
			bad: []string{"/job/extendedData/headers"}},

		// JobSchedule.
		{name: "arrays read back sorted, without repeats", job: `{"url":"a.example","schedule":{"hours":[23,0,5,5,0],
			"mdays":[31,1],"minutes":[59,0],"months":[12,1],"wdays":[6,0]}}`,
			want: wants{"schedule": `{"timezone":"UTC","expiresAt":0,"hours":[0,5,23],"mdays":[1,31],
				"minutes":[0,59],"months":[1,12],"wdays":[0,6],"seconds":[0],"days":"either","lastDay":false,"dst":"once","spreadSeconds":0}`}},
		{name: "-1 anywhere means every value", job: `{"url":"a.example","schedule":{"hours":[5,-1],"mdays":["-1",3],
			"minutes":[-1],"months":[-1.0],"wdays":[7,-1],"seconds":[-1]}}`,
			want: wants{"schedule": `{"timezone":"UTC","expiresAt":0,"hours":[-1],"mdays":[-1],"minutes":[-1],
				"months":[-1],"wdays":[-1],"seconds":[-1],"days":"either","lastDay":false,"dst":"once","spreadSeconds":0}`}},
		{name: "every value one by one", job: `{"url":"a.example","schedule":{"wdays":[0,1,2,3,4,5,6]}}`,
			want: wants{"schedule.wdays": "[0,1,2,3,4,5,6]"}},
		{name: "7 is Sunday", job: `{"url":"a.example","schedule":{"wdays":[7,3,0]}}`,
			want: wants{"schedule.wdays": "[0,3]"}},
		{name: "out of range", job: `{"url":"a.example","schedule":{"hours":[0,24],"mdays":[0,32],"minutes":[60],
			"months":[0,13],"wdays":[8],"seconds":[-2,60]}}`,
			bad: []string{"/job/schedule/hours/1", "/job/schedule/mdays/0", "/job/schedule/mdays/1",
				"/job/schedule/minutes/0", "/job/schedule/months/0",
				"/job/schedule/months/1", "/job/schedule/wdays/0", "/job/schedule/seconds/0",
				"/job/schedule/seconds/1"}},
		{name: "out of range beside -1", job: `{"url":"a.example","schedule":{"hours":[-1,24]}}`,
			bad: []string{"/job/schedule/hours/1"}},
		{name: "no arrays", job: `{"url":"a.example","schedule":{"hours":5,"mdays":"*","minutes":{}}}`,
			bad: []string{"/job/schedule/hours", "/job/schedule/mdays", "/job/schedule/minutes"}},
		{name: "an old alias of a time zone", job: `{"url":"a.example","schedule":{"timezone":"Asia/Calcutta"}}`,
			want: wants{"schedule.timezone": `"Asia/Calcutta"`}},
		{name: "an unknown time zone", job: `{"url":"a.example","schedule":{"timezone":"Europe/Atlantis"}}`,
			bad: []string{"/job/schedule/timezone"}},
		{name: "an empty time zone", patch: true, job: `{"schedule":{"timezone":""}}`,
			bad: []string{"/job/schedule/timezone"}},
		{name: "expiry without seconds", job: `{"url":"a.example","schedule":{"expiresAt":203012312359}}`,
			want: wants{"schedule.expiresAt": "20301231235900"}},
		{name: "expiry without seconds, as a string", job: `{"url":"a.example",
			"schedule":{"expiresAt":"203012312359"}}`,
			want: wants{"schedule.expiresAt": "20301231235900"}},
		{name: "no expiry", patch: true, job: `{"schedule":{"expiresAt":0}}`, want: wants{"schedule.expiresAt": "0"}},
		{name: "an expiry that does not exist", job: `{"url":"a.example","schedule":{"expiresAt":20300231000000}}`,
			bad: []string{"/job/schedule/expiresAt"}},
		{name: "a negative expiry", job: `{"url":"a.example","schedule":{"expiresAt":-1}}`,
			bad: []string{"/job/schedule/expiresAt"}},
		{name: "days", job: `{"url":"a.example","schedule":{"days":"both","lastDay":"true"}}`,
			want: wants{"schedule.days": `"both"`, "schedule.lastDay": "true"}},
		{name: "back to either day", patch: true, job: `{"schedule":{"days":"either","lastDay":0}}`,
			want: wants{"schedule.days": `"either"`, "schedule.lastDay": "false", "schedule.mdays": "[2]"}},
		{name: "unknown days", job: `{"url":"a.example","schedule":{"days":"neither","lastDay":"x"}}`,
			bad: []string{"/job/schedule/lastDay", "/job/schedule/days"}},
		{name: "dst", job: `{"url":"a.example","schedule":{"dst":"wallclock"}}`,
			want: wants{"schedule.dst": `"wallclock"`}},
		{name: "an unknown dst", job: `{"url":"a.example","schedule":{"dst":"twice"}}`,
			bad: []string{"/job/schedule/dst"}},

		// RequestMethod.
		{name: "method by number", job: `{"url":"a.example","requestMethod":7}`, want: wants{"requestMethod": "7"}},
		{name: "method by name", job: `{"url":"a.example","requestMethod":"pAtCh"}`, want: wants{"requestMethod": "8"}},
		{name: "an unknown method number", job: `{"url":"a.example","requestMethod":9}`,
			bad: []string{"/job/requestMethod"}},
		{name: "a negative method number", job: `{"url":"a.example","requestMethod":-1}`,
			bad: []string{"/job/requestMethod"}},
		{name: "an unknown method name", job: `{"url":"a.example","requestMethod":"PROPFIND"}`,
			bad: []string{"/job/requestMethod"}},
		{name: "no method", job: `{"url":"a.example","requestMethod":["GET"]}`, bad: []string{"/job/requestMethod"}},
	})
}

func checkReadings(t *testing.T, readings []reading) {
	t.Helper()
	server := newServer(t)
	account := server.newClient(t, "a@example.com", cron.PlanUnlimited)
	for _, tt := range readings {
		t.Run(tt.name, func(t *testing.T) {
			c := &client{t, server, account.account, account.key}
			method, path := "PUT", "/jobs"
			if tt.patch {
				method, path = "PATCH", c.create(everyField)
			}
			got := c.do(method, path, `{"job":`+tt.job+`}`)
			if tt.bad != nil {
				if got.status != 400 {
					t.Fatalf("status %d: %s", got.status, got.body)
				}
				if at := pointers(t, got); !slices.Equal(at, tt.bad) {
					t.Errorf("problems at %q, want %q", at, tt.bad)
				}
				return
			}
			if got.status != 200 {
				t.Fatalf("status %d: %s", got.status, got.body)
			}
			if !tt.patch {
				path += "/" + part(t, json.RawMessage(got.body), "jobId")
			}
			c.job(path) // strictly
			details := part(t, json.RawMessage(c.must("GET", path, "")), "jobDetails")
			for at, want := range tt.want {
				if is := part(t, json.RawMessage(details), at); !equalJSON(t, is, want) {
					t.Errorf("%s reads back as %s, want %s", at, is, want)
				}
			}
		})
	}
}

// equalJSON compares two JSON texts but for white space and the way in which characters are escaped.
func equalJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var canonical [2]bytes.Buffer
	for i, text := range []string{a, b} {
		decoder := json.NewDecoder(strings.NewReader(text))
		encoder := json.NewEncoder(&canonical[i])
		for {
			token, err := decoder.Token()
			if err != nil {
				break
			}
			if delim, ok := token.(json.Delim); ok {
				canonical[i].WriteString(delim.String())
				continue
			}
			if err := encoder.Encode(token); err != nil {
				t.Fatal(err)
			}
		}
	}
	return canonical[0].String() == canonical[1].String()
}

// TestBodies throws bodies at the API that are no call at all.
func TestBodies(t *testing.T) {
	c := newClient(t)
	path, folder := c.create(everyField), c.createFolder("a")
	before := c.must("GET", path, "")
	for name, body := range map[string]string{
		"no JSON":               `job=1`,
		"broken off":            `{"job":{"url":"a.example"}`,
		"more than one value":   `{"job":{"url":"a.example"}} {}`,
		"garbage behind":        `{"job":{"url":"a.example"}}x`,
		"a comma too many":      `{"job":{"url":"a.example",}}`,
		"comments":              `{"job":{"url":"a.example"}} // x`,
		"NaN":                   `{"job":{"url":"a.example","requestTimeout":NaN}}`,
		"a NUL":                 "{\"job\":{\"url\":\"a.example\"}}\x00",
		"a control character":   "{\"job\":{\"url\":\"a.example\",\"title\":\"a\nb\"}}",
		"nested deeply":         `{"job":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`,
		"nested deeply, broken": strings.Repeat(`{"job":`, 100_000),
		"null":                  `null`,
		"an array":              `[{"job":{"url":"a.example"}}]`,
		"a string":              `"job"`,
		"no job":                `{"url":"a.example"}`,
		"job is null":           `{"job":null}`,
		"job is a string":       `{"job":"{}"}`,
		"job is an array":       `{"job":[]}`,
		"job is a number":       `{"job":1}`,
		"too large":             `{"job":{"url":"a.example"}` + strings.Repeat(" ", 8<<20) + `}`,
		"white space":           "  \n",
	} {
		t.Run(name, func(t *testing.T) {
			for _, call := range [][2]string{{"PUT", "/jobs"}, {"PATCH", path}, {"PUT", "/folders"}, {"PATCH", folder}} {
				if got := c.do(call[0], call[1], body); got.status != 400 {
					t.Errorf("%s %s: status %d: %s", call[0], call[1], got.status, got.body)
				}
			}
		})
	}
	if after := c.must("GET", path, ""); after != before {
		t.Errorf("the job has changed to %s", after)
	}
	many := c.do("PUT", "/jobs", `{"job":{"schedule":{"hours":[`+strings.Repeat("99,", 100_000)+`99]}}}`)
	if got := len(pointers(t, many)); got < 1 || got > 200 {
		t.Errorf("%d problems were reported", got)
	}
	if c.server.log.Len() > 0 {
		t.Errorf("logged: %s", c.server.log)
	}
}

// TestSpaceAroundValues makes sure that white space in JSON does not matter.
func TestSpaceAroundValues(t *testing.T) {
	c := newClient(t)
	path := c.create("\n { \"url\" : \t\"a.example\" , \"enabled\" :\r\n 1 , \"title\" : null , " +
		"\"schedule\" : { \"hours\" : [ 1 , \"2\" ] } , " +
		"\"extendedData\" : { \"headers\" : [ { \"key\" : \"A\" , \"value\" : \"b\" } ] } } \n")
	got := c.job(path)
	if got.URL != "http://a.example" || !got.Enabled || !slices.Equal(got.Schedule.Hours, []int{1, 2}) ||
		got.ExtendedData.Headers["A"] != "b" {
		t.Errorf("got %+v", got)
	}
}
