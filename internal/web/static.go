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
	"maps"
	"net/http"
	"path"
	"slices"
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

// cssDir holds the parts of the stylesheet, which follow each other in the order of their names.
const cssDir = "static/css"

// vendored are the files of others that pages use as they were published. Each directory has its licence and checksums.
var vendored = []string{"htmx/htmx.min.js", "uplot/uPlot.iife.min.js", "uplot/uPlot.min.css"}

// staticFiles are what pages refer to. All are served below one directory whose name is a hash of their contents, so that
// they may be cached for ever and scripts can import each other by their names.
type staticFiles struct {
	version string
	served  map[string]staticFile // by the name
	icons   map[string]bool
}

type staticFile struct {
	mediaType     string
	plain, packed []byte
}

func loadStatic() (*staticFiles, error) {
	s := &staticFiles{served: map[string]staticFile{}, icons: map[string]bool{}}
	contents := map[string][]byte{}
	read := func(name, file string) (err error) {
		if contents[name], err = embedded.ReadFile(file); err != nil {
			return fmt.Errorf("read a static file: %w", err)
		}
		return nil
	}
	entries, err := embedded.ReadDir("static")
	if err != nil {
		return nil, fmt.Errorf("list the static files: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		if err := read(e.Name(), "static/"+e.Name()); err != nil {
			return nil, err
		}
	}
	for _, file := range vendored {
		if err := read(path.Base(file), "static/vendor/"+file); err != nil {
			return nil, err
		}
	}
	if contents["console.css"], err = stylesheet(); err != nil {
		return nil, err
	}
	if contents["icons.svg"], err = s.sprite(); err != nil {
		return nil, err
	}
	hash := sha256.New()
	z := gzip.NewWriter(nil) // one for all, as each has large tables
	for _, name := range slices.Sorted(maps.Keys(contents)) {
		fmt.Fprintf(hash, "%s %d\n", name, len(contents[name]))
		hash.Write(contents[name])
		if err := s.add(z, name, contents[name]); err != nil {
			return nil, err
		}
	}
	s.version = hex.EncodeToString(hash.Sum(nil)[:6])
	return s, nil
}

// stylesheet is one document of all its parts.
func stylesheet() ([]byte, error) {
	parts, err := fs.Glob(embedded, cssDir+"/*.css") // sorted
	if err != nil {
		return nil, fmt.Errorf("list the parts of the stylesheet: %w", err)
	}
	var b bytes.Buffer
	for _, file := range parts {
		content, err := embedded.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read a part of the stylesheet: %w", err)
		}
		b.Write(content)
	}
	return b.Bytes(), nil
}

// add serves a file, which z compresses.
func (s *staticFiles) add(z *gzip.Writer, name string, content []byte) error {
	mediaType, ok := staticTypes[path.Ext(name)]
	if !ok {
		return fmt.Errorf("the static file %s has no media type", name)
	}
	var packed bytes.Buffer
	z.Reset(&packed)
	if _, err := z.Write(content); err != nil {
		return fmt.Errorf("compress %s: %w", name, err)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("compress %s: %w", name, err)
	}
	s.served[name] = staticFile{mediaType, content, packed.Bytes()}
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
	if _, ok := s.served[name]; !ok {
		return "", fmt.Errorf("there is no static file %s", name)
	}
	return staticRoot + s.version + "/" + name, nil
}

// icon is the markup of an icon, which says nothing by itself: text stands beside it.
func (s *staticFiles) icon(name string) (template.HTML, error) {
	if !s.icons[name] {
		return "", fmt.Errorf("there is no icon %s", name)
	}
	return template.HTML(`<svg class="icon" aria-hidden="true"><use href="` + staticRoot + s.version + "/icons.svg#" + name + `"/></svg>`), nil
}

// serveStatic answers with a static file. Pages of another release of the program, such as that of another node, get the
// file of this one.
func (w *web) serveStatic(rw http.ResponseWriter, r *http.Request) {
	file, ok := w.static.served[r.PathValue("file")]
	if !ok {
		w.serve(rw, r, unknown)
		return
	}
	h := rw.Header()
	h.Set("Content-Type", file.mediaType)
	if r.PathValue("version") == w.static.version {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
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
