package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// staticRoot is the path below which static files are served.
const staticRoot = root + "/static/"

// iconDir holds the icons of Lucide, as they were published.
const iconDir = "static/vendor/lucide"

//go:embed static
var embedded embed.FS

// staticTypes are the media types of static files by their extension. Files of other types are not served.
var staticTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// staticFiles are what pages refer to. Each is served under a path that holds the hash of its content, and so may be
// cached for ever.
type staticFiles struct {
	paths  map[string]string // by the name of the file
	served map[string]staticFile
	icons  map[string]bool
}

type staticFile struct {
	mediaType     string
	plain, packed []byte
}

func loadStatic() (*staticFiles, error) {
	s := &staticFiles{paths: map[string]string{}, served: map[string]staticFile{}, icons: map[string]bool{}}
	entries, err := embedded.ReadDir("static")
	if err != nil {
		return nil, fmt.Errorf("list the static files: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		content, err := embedded.ReadFile("static/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("read a static file: %w", err)
		}
		if err := s.add(e.Name(), content); err != nil {
			return nil, err
		}
	}
	sprite, err := s.sprite()
	if err != nil {
		return nil, err
	}
	return s, s.add("icons.svg", sprite)
}

// add serves a file.
func (s *staticFiles) add(name string, content []byte) error {
	extension := path.Ext(name)
	mediaType, ok := staticTypes[extension]
	if !ok {
		return fmt.Errorf("the static file %s has no media type", name)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(content); err != nil {
		return fmt.Errorf("compress %s: %w", name, err)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("compress %s: %w", name, err)
	}
	hash := sha256.Sum256(content)
	served := strings.TrimSuffix(name, extension) + "." + hex.EncodeToString(hash[:6]) + extension
	s.paths[name] = staticRoot + served
	s.served[served] = staticFile{mediaType, content, packed.Bytes()}
	return nil
}

// sprite is one SVG document with all icons, each a symbol of its name.
func (s *staticFiles) sprite() ([]byte, error) {
	files, err := fs.Glob(embedded, iconDir+"/*.svg")
	if err != nil {
		return nil, fmt.Errorf("list the icons: %w", err)
	}
	var b bytes.Buffer
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg">`)
	for _, file := range files {
		content, err := embedded.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read an icon: %w", err)
		}
		var icon struct {
			ViewBox string `xml:"viewBox,attr"`
			Inner   []byte `xml:",innerxml"`
		}
		if err := xml.Unmarshal(content, &icon); err != nil {
			return nil, fmt.Errorf("read the icon %s: %w", file, err)
		}
		name := strings.TrimSuffix(path.Base(file), ".svg")
		s.icons[name] = true
		fmt.Fprintf(&b, `<symbol id="%s" viewBox="%s" fill="none" stroke="currentColor" stroke-width="2" `+
			`stroke-linecap="round" stroke-linejoin="round">%s</symbol>`, name, icon.ViewBox, bytes.TrimSpace(icon.Inner))
	}
	b.WriteString(`</svg>`)
	return b.Bytes(), nil
}

// path is where a page finds a static file.
func (s *staticFiles) path(name string) (string, error) {
	p, ok := s.paths[name]
	if !ok {
		return "", fmt.Errorf("there is no static file %s", name)
	}
	return p, nil
}

// icon is the markup of an icon, which says nothing by itself: text stands beside it.
func (s *staticFiles) icon(name string) (template.HTML, error) {
	if !s.icons[name] {
		return "", fmt.Errorf("there is no icon %s", name)
	}
	return template.HTML(`<svg class="icon" aria-hidden="true"><use href="` + s.paths["icons.svg"] + "#" + name + `"/></svg>`), nil
}

// serveStatic answers with a static file.
func (w *web) serveStatic(rw http.ResponseWriter, r *http.Request) {
	file, ok := w.static.served[r.PathValue("file")]
	if !ok {
		w.serve(rw, r, unknown)
		return
	}
	h := rw.Header()
	h.Set("Content-Type", file.mediaType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Add("Vary", "Accept-Encoding")
	content := file.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		content = file.packed
	}
	h.Set("Content-Length", strconv.Itoa(len(content)))
	rw.WriteHeader(http.StatusOK)
	_, _ = rw.Write(content) // whoever is gone does not need it
}
