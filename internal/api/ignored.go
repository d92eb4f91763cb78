package api

import (
	"log/slog"
	"net/http"
	"strings"

	"punctual/internal/api/wire"
)

// maxIgnoredPointer is how many bytes of a pointer it holds, as it is sent.
const maxIgnoredPointer = 256

// tellIgnored names what nothing has read of a body, in a header of the answer and in the log: that of outer, the body
// itself, and that of the member of it to which the pointers of inner are relative.
func (a *api) tellIgnored(w http.ResponseWriter, r *http.Request, outer wire.Object, member string, inner []string) {
	pointers := outer.Unread()
	for _, pointer := range inner[:min(len(inner), wire.MaxIgnored-len(pointers))] {
		pointers = append(pointers, member+pointer)
	}
	if len(pointers) == 0 {
		return
	}
	for i, pointer := range pointers {
		pointers[i] = sentPointer(pointer)
	}
	list := strings.Join(pointers, ", ")
	w.Header().Set(wire.HeaderIgnored, list)
	a.logger.DebugContext(r.Context(), "members of a request were ignored",
		slog.String("method", r.Method), slog.String("pattern", r.Pattern), slog.String("pointers", list))
}

// sentPointer is a JSON pointer as it stands in a header: percent-encoded as in a URI (RFC 6901, section 6), the comma,
// which separates pointers, too. One that is too long ends in an ellipsis.
func sentPointer(pointer string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(pointer) {
		c := pointer[i]
		if b.Len() > maxIgnoredPointer-len("%XX...") {
			b.WriteString("...")
			break
		}
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~/", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteString("%" + hex[c>>4:c>>4+1] + hex[c&15:c&15+1])
		}
	}
	return b.String()
}
