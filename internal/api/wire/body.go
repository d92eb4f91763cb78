package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"punctual/internal/cron"
)

// BodyLimit bounds the body of a request by what its call can need.
type BodyLimit struct {
	Bytes int64
	Items int // of each array, and members of each object
}

// EscapedLength is how many bytes of JSON one byte of text takes at most: six, as \u00XX.
const EscapedLength = 6

// byteOrderMark may stand before a JSON text; it is skipped (RFC 8259, section 8.1).
const byteOrderMark = "\ufeff"

// Invalid is the error for a body in which one thing is wrong.
func Invalid(p cron.Problem) error {
	return &cron.Error{Kind: cron.Invalid, Problems: []cron.Problem{p}}
}

// IsJSON tells whether a request has a media type with which its body is read. Parameters are ignored: whatever they
// say, JSON is UTF-8 (RFC 8259, section 8.1).
func IsJSON(r *http.Request) bool {
	mediaType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	mediaType = strings.TrimSpace(mediaType)
	return strings.EqualFold(mediaType, "application/json") || strings.EqualFold(mediaType, "text/json")
}

// ReadBody reads the body of a request whole. What is JSON by its media type is scanned as it comes in, so that one that
// is refused is read no further. A body that breaks off is not JSON.
func ReadBody(w http.ResponseWriter, r *http.Request, limit BodyLimit) ([]byte, error) {
	tooLong := Invalid(cron.Problem{Rule: cron.RuleTooLong, Limit: limit.Bytes, Unit: cron.UnitBytes})
	if r.ContentLength > limit.Bytes {
		return nil, tooLong
	}
	var (
		body  bytes.Buffer
		in    = http.MaxBytesReader(w, r.Body, limit.Bytes)
		s     = scanner{limit: limit}
		check = IsJSON(r)
	)
	for {
		_, err := io.CopyN(&body, in, 32<<10)
		end := errors.Is(err, io.EOF)
		_, tooLarge := errors.AsType[*http.MaxBytesError](err)
		switch {
		case tooLarge:
			return nil, tooLong
		case err != nil && !end:
			return nil, Invalid(cron.Problem{Rule: cron.RuleNotJSON})
		}
		if check {
			if wrong := s.scan(body.Bytes(), end); wrong.Rule != cron.RuleNone {
				return nil, Invalid(wrong)
			}
		}
		if end {
			return body.Bytes(), nil
		}
	}
}

// ReadObject reads the body of a request, a JSON object.
func ReadObject(w http.ResponseWriter, r *http.Request, limit BodyLimit) (Object, error) {
	if !IsJSON(r) {
		return Object{}, Invalid(cron.Problem{Rule: cron.RuleMediaType})
	}
	body, err := ReadBody(w, r, limit)
	if err != nil {
		return Object{}, err
	}
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte(byteOrderMark)))
	if !json.Valid(body) {
		return Object{}, Invalid(cron.Problem{Rule: cron.RuleNotJSON})
	}
	var problems Problems
	return NewObject(body, "", &problems), problems.Err()
}

// ReadMember reads the body of a request, a JSON object, and returns the object that it holds under the given name.
func ReadMember(w http.ResponseWriter, r *http.Request, limit BodyLimit, name string) (
	member json.RawMessage, outer Object, err error) {
	if outer, err = ReadObject(w, r, limit); err != nil {
		return nil, outer, err
	}
	member, ok := outer.Value(name)
	switch {
	case !ok:
		err = Invalid(cron.Problem{Pointer: "/" + name, Rule: cron.RuleMandatory})
	case member[0] != '{':
		err = Invalid(cron.Problem{Pointer: "/" + name, Rule: cron.RuleWrongType, Want: TypeObject})
	}
	return member, outer, err
}
