package cron

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Placeholders stand in the URL, the header values and the body of a request and are replaced at each execution. They are
// found from left to right; what replaces one is not searched again, and unknown ones stay. In a URL, values are
// percent-encoded as a component (RFC 3986, section 2.3), so that they cannot change its structure. Elsewhere they are not
// encoded.
//
// The credentials of a request hold placeholders of secrets only.

// placeholder is a kind of placeholder.
type placeholder int

const (
	noPlaceholder placeholder = iota
	unixTime
	uuid4
	jobID
	jobTitle
	executionID
	plannedUnix
	plannedISO
	attemptNumber
	secretValue
)

// variables are the placeholders "%cjo:NAME%" by name. The names of the first two are those of cron-job.org.
var variables = map[string]placeholder{
	"unixtime": unixTime, "uuid4": uuid4,
	"jobid": jobID, "title": jobTitle, "executionid": executionID, "planned": plannedUnix, "plannediso": plannedISO,
	"attempt": attemptNumber,
}

// Variables lists the placeholders that are not secrets, as requests have them, sorted.
func Variables() []string {
	var list []string
	for name := range variables {
		list = append(list, variablePrefix+name+"%")
	}
	slices.Sort(list)
	return list
}

const (
	variablePrefix = "%cjo:"
	secretPrefix   = "%secret:"
	longestName    = len("executionid") // of a variable
)

// The placeholders that cron-job.org has too.
const (
	PlaceholderUnixTime = "%cjo:unixtime%"
	PlaceholderUUID     = "%cjo:uuid4%"
)

// placeholderAt finds the placeholder at the start of s: its kind, its length and, for a secret, its name.
func placeholderAt(s string) (p placeholder, length int, name string) {
	prefix, longest := variablePrefix, longestName
	if strings.HasPrefix(s, secretPrefix) {
		prefix, longest = secretPrefix, MaxSecretName
	} else if !strings.HasPrefix(s, variablePrefix) {
		return noPlaceholder, 0, ""
	}
	rest := s[len(prefix):]
	end := strings.IndexByte(rest[:min(len(rest), longest+1)], '%')
	if end < 0 {
		return noPlaceholder, 0, ""
	}
	name, length = rest[:end], len(prefix)+end+1
	switch {
	case prefix == variablePrefix:
		return variables[name], length, name
	case IsSecretName(name):
		return secretValue, length, name
	}
	return noPlaceholder, 0, ""
}

// nextPlaceholder finds the first placeholder of s; at is -1 when there is none.
func nextPlaceholder(s string) (at int, p placeholder, length int, name string) {
	for at = 0; ; at++ {
		next := strings.IndexByte(s[at:], '%')
		if next < 0 {
			return -1, noPlaceholder, 0, ""
		}
		at += next
		if p, length, name = placeholderAt(s[at:]); p != noPlaceholder {
			return at, p, length, name
		}
	}
}

// eachPlaceholder calls f for the placeholders of s in their order.
func eachPlaceholder(s string, f func(p placeholder, name string)) {
	for {
		at, p, length, name := nextPlaceholder(s)
		if at < 0 {
			return
		}
		f(p, name)
		s = s[at+length:]
	}
}

// replace replaces the placeholders of s by what f returns for them, in one pass. text is the placeholder as written.
func replace(s string, f func(p placeholder, name, text string) string) string {
	at, p, length, name := nextPlaceholder(s)
	if at < 0 {
		return s
	}
	var b strings.Builder
	for at >= 0 {
		b.WriteString(s[:at])
		b.WriteString(f(p, name, s[at:at+length]))
		s = s[at+length:]
		at, p, length, name = nextPlaceholder(s)
	}
	b.WriteString(s)
	return b.String()
}

// placeholders is the number of placeholders in s.
func placeholders(s string) (n int) {
	eachPlaceholder(s, func(placeholder, string) { n++ })
	return n
}

// sample is s with its placeholders replaced by digits.
func sample(s, variable, secret string) string {
	return replace(s, func(p placeholder, _, _ string) string {
		if p == secretValue {
			return secret
		}
		return variable
	})
}

// SampleURL is a URL with its placeholders replaced by digits, so that it can be parsed.
func SampleURL(s string) string { return sample(s, "1", "1") }

// SecretNames lists the secrets that the request refers to, sorted and each once; nil for none.
func (r *Request) SecretNames() (names []string) {
	add := func(text string) {
		if strings.Contains(text, secretPrefix) {
			eachPlaceholder(text, func(p placeholder, name string) {
				if p == secretValue {
					names = append(names, name)
				}
			})
		}
	}
	add(r.URL)
	for _, h := range r.Headers {
		add(h.Value)
	}
	add(r.Body)
	add(r.Auth.User)
	add(r.Auth.Password)
	slices.Sort(names)
	return slices.Compact(names)
}

// PlaceholderTexts lists the placeholders of the request as they are written, sorted and each once; nil for none.
func (r *Request) PlaceholderTexts() (texts []string) {
	add := func(text string) {
		if strings.Contains(text, "%") {
			_ = replace(text, func(_ placeholder, _, written string) string {
				texts = append(texts, written)
				return ""
			})
		}
	}
	add(r.URL)
	for _, h := range r.Headers {
		add(h.Value)
	}
	add(r.Body)
	slices.Sort(texts)
	return slices.Compact(texts)
}

// HasSecret reports whether a text refers to a secret.
func HasSecret(text string) bool {
	r := Request{Body: text}
	return r.SecretNames() != nil
}

// Expanded is a request whose placeholders are replaced.
type Expanded struct {
	Request
	Shown   string // the URL for people: with the names of secrets instead of their values
	Unknown string // the first secret that is missing; "" when none is
}

// Expand returns the request of the call with its placeholders replaced, each uuid by a new result of uuid. It takes
// linear time, and shares Headers with the call if they have no placeholder.
func (c *Call) Expand(uuid func() string) Expanded {
	x := expansion{call: c, uuid: uuid}
	out := Expanded{Request: c.Request}
	r := &out.Request
	r.URL, out.Shown = x.url(r.URL)
	r.Body = x.text(r.Body)
	for i, h := range r.Headers {
		if at, _, _, _ := nextPlaceholder(h.Value); at >= 0 {
			r.Headers = slices.Clone(r.Headers)
			for j := i; j < len(r.Headers); j++ {
				r.Headers[j].Value = x.text(r.Headers[j].Value)
			}
			break
		}
	}
	if r.Auth.Enable {
		r.Auth.User, r.Auth.Password = x.credential(r.Auth.User), x.credential(r.Auth.Password)
	}
	out.Unknown = x.unknown
	return out
}

// expansion replaces the placeholders of one call.
type expansion struct {
	call    *Call
	uuid    func() string
	unknown string
}

// value is what a placeholder stands for.
func (x *expansion) value(p placeholder, name string) string {
	c := x.call
	switch p {
	case unixTime:
		return strconv.FormatInt(c.Now.Unix(), 10)
	case uuid4:
		return x.uuid()
	case jobID:
		return strconv.FormatInt(c.JobID, 10)
	case jobTitle:
		return c.Title
	case executionID:
		return string(c.Attempt.AppendID(nil))
	case plannedUnix:
		return strconv.FormatInt(c.Attempt.Planned.Unix(), 10)
	case plannedISO:
		return c.Attempt.Planned.UTC().Format(time.RFC3339)
	case attemptNumber:
		return strconv.Itoa(c.Attempt.Number)
	}
	value, ok := c.Secrets[name]
	if !ok && x.unknown == "" {
		x.unknown = name
	}
	return value
}

// text replaces the placeholders of a text that is not a URL.
func (x *expansion) text(s string) string {
	return replace(s, func(p placeholder, name, _ string) string { return x.value(p, name) })
}

// credential replaces the secrets of a user name or password.
func (x *expansion) credential(s string) string {
	return replace(s, func(p placeholder, name, text string) string {
		if p != secretValue {
			return text
		}
		return x.value(p, name)
	})
}

// url replaces the placeholders of a URL. shown is the same URL with the names of secrets.
func (x *expansion) url(s string) (full, shown string) {
	if !strings.Contains(s, secretPrefix) {
		full = replace(s, func(p placeholder, name, _ string) string { return urlComponent(x.value(p, name)) })
		return full, full
	}
	var values []string // of the variables, of which a uuid4 has the same value in both URLs
	full = replace(s, func(p placeholder, name, _ string) string {
		value := urlComponent(x.value(p, name))
		if p != secretValue {
			values = append(values, value)
		}
		return value
	})
	shown = replace(s, func(p placeholder, _, text string) string {
		if p == secretValue {
			return text
		}
		value := values[0]
		values = values[1:]
		return value
	})
	return full, shown
}

// urlComponent percent-encodes all bytes but the unreserved characters of RFC 3986.
func urlComponent(s string) string {
	const hex = "0123456789ABCDEF"
	i := 0
	for i < len(s) && isUnreserved(s[i]) {
		i++
	}
	if i == len(s) {
		return s
	}
	b := make([]byte, i, 3*len(s))
	copy(b, s)
	for ; i < len(s); i++ {
		if isUnreserved(s[i]) {
			b = append(b, s[i])
		} else {
			b = append(b, '%', hex[s[i]>>4], hex[s[i]&15])
		}
	}
	return string(b)
}

func isUnreserved(c byte) bool {
	return isAlphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~'
}

// MaxPlaceholderGrowth is the number of bytes by which titles and secrets may make a request grow.
const MaxPlaceholderGrowth = 256 << 10

// growth is the number of bytes that the titles and secrets of s can come to, each byte being encoded as up to width.
func growth(s, title string, width int) (n int) {
	eachPlaceholder(s, func(p placeholder, _ string) {
		switch p {
		case jobTitle:
			n += width * len(title)
		case secretValue:
			n += width * MaxSecretLength
		}
	})
	return n
}

// checkPlaceholders adds a problem to the part of the request in which the number of placeholders, or what they can come
// to, exceeds a limit.
func (j *Job) checkPlaceholders(c *Checker) {
	r := &j.Request
	count, bytes := 0, 0
	add := func(pointer, text string, width int) {
		countBefore, bytesBefore := count, bytes
		count += placeholders(text)
		bytes += growth(text, j.Title, width)
		switch {
		case count > MaxPlaceholders && countBefore <= MaxPlaceholders:
			c.Add(pointer, Problem{Rule: RulePlaceholders, Limit: MaxPlaceholders})
		case bytes > MaxPlaceholderGrowth && bytesBefore <= MaxPlaceholderGrowth && count <= MaxPlaceholders:
			c.Add(pointer, Problem{Rule: RulePlaceholderGrowth, Limit: MaxPlaceholderGrowth})
		}
	}
	add("/url", r.URL, len("%20"))
	for _, h := range r.Headers {
		add("/extendedData/headers", h.Value, 1)
	}
	add("/extendedData/body", r.Body, 1)
	add("/auth/user", r.Auth.User, 1)
	add("/auth/password", r.Auth.Password, 1)
}
