package badge

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// Key makes the tokens in addresses of badges. A token says how often the addresses of a job or a page have been renewed, and an HMAC
// proves that it is from the service: whoever makes one up costs no query.
type Key []byte

// tokenLength is the length of the HMAC in a token, in bytes before encoding.
const tokenLength = 12

// NewKey derives the key from the secret of the service.
func NewKey(secret [32]byte) Key {
	code := hmac.New(sha256.New, secret[:])
	_, _ = code.Write([]byte("punctual badge addresses")) // never fails
	return code.Sum(nil)
}

// Job is the token of a job whose addresses have been renewed so often.
func (k Key) Job(jobID, renewals int64) string { return k.token("job", jobID, renewals) }

// Page is the token of a status page and its components.
func (k Key) Page(pageID, renewals int64) string { return k.token("status page", pageID, renewals) }

// OfJob tells which renewals the token of a job is of. It is not ok when the token is not from the service.
func (k Key) OfJob(jobID int64, token string) (renewals int64, ok bool) {
	renewals, ok = count(token)
	return renewals, ok && hmac.Equal([]byte(token), []byte(k.Job(jobID, renewals)))
}

// OfPage tells it of the token of a page.
func (k Key) OfPage(pageID int64, token string) (renewals int64, ok bool) {
	renewals, ok = count(token)
	return renewals, ok && hmac.Equal([]byte(token), []byte(k.Page(pageID, renewals)))
}

// count is the number that a token begins with.
func count(token string) (renewals int64, ok bool) {
	text, _, _ := strings.Cut(token, "-")
	renewals, err := strconv.ParseInt(text, 10, 64)
	return renewals, err == nil
}

func (k Key) token(kind string, id, renewals int64) string {
	code := hmac.New(sha256.New, k)
	_, _ = fmt.Fprintf(code, "%s %d, renewals %d", kind, id, renewals) // never fails
	return strconv.FormatInt(renewals, 10) + "-" + hex.EncodeToString(code.Sum(nil)[:tokenLength])
}

// JobPath is the path below which the badges of a job are.
func (k Key) JobPath(jobID, renewals int64) string {
	return fmt.Sprintf("/status/badges/jobs/%d/%s/", jobID, k.Job(jobID, renewals))
}

// PagePath is the path below which the badges of a component of a status page are, or those of the page itself when componentID is 0. An
// address that everybody may know has no token.
func (k Key) PagePath(slug string, pageID, componentID, renewals int64, open bool) string {
	path := "/status/" + slug
	if componentID != 0 {
		path += "/components/" + strconv.FormatInt(componentID, 10)
	}
	path += "/badges/"
	if !open {
		path += k.Page(pageID, renewals) + "/"
	}
	return path
}
