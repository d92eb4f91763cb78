package command

import (
	"crypto/sha256"
	"encoding/hex"
	"mime/multipart"
	"net/textproto"
	"strings"
)

// formField is a field of a multipart form.
type formField struct{ name, value, kind string }

// setForm makes the body of fields of a multipart form (RFC 7578). The boundary is made of the fields, so that the same command
// makes the same job.
func (d *draft) setForm(fields []formField) {
	digest := sha256.New()
	for _, f := range fields {
		digest.Write([]byte(f.name + "\x00" + f.value + "\x00"))
	}
	var b strings.Builder
	w := multipart.NewWriter(&b)
	_ = w.SetBoundary("form-" + hex.EncodeToString(digest.Sum(nil)[:12])) // which is a valid one
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", "%0D", "\n", "%0A")
	for _, f := range fields {
		head := textproto.MIMEHeader{"Content-Disposition": {`form-data; name="` + quote.Replace(f.name) + `"`}}
		if f.kind != "" {
			head.Set("Content-Type", strings.Map(dropControl, f.kind))
		}
		part, err := w.CreatePart(head)
		if err == nil {
			_, err = part.Write([]byte(f.value))
		}
		if err != nil {
			return // a strings.Builder has no errors
		}
	}
	_ = w.Close()
	body := b.String()
	d.body, d.fields = &body, len(fields)
	d.defaultHeader("Content-Type", w.FormDataContentType())
}

func dropControl(r rune) rune {
	if r < ' ' || r == 0x7f {
		return -1
	}
	return r
}
