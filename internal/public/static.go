package public

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io"
	"maps"
	"math"
	"net/http"
	"path"
	"slices"
	"strings"

	"punctual/internal/message"
	"punctual/internal/statuspage"
)

// staticRoot is the path below which static files are served; no page has the slug "-".
const staticRoot = root + "-/"

var (
	//go:embed static
	embedded embed.FS
	//go:embed templates
	templates embed.FS
)

var mediaTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// staticFiles are served below a directory whose name is a hash of their contents, so that they may be cached for ever.
type staticFiles struct {
	version string
	files   map[string]*rendering
}

func loadStatic() *staticFiles {
	contents := map[string][]byte{}
	for _, name := range []string{"status.css", "status.js"} {
		content, err := embedded.ReadFile("static/" + name)
		if err != nil {
			panic(err) // it is part of the program
		}
		contents[name] = content
	}
	for s := range iconNames {
		contents[iconNames[s]] = favicon(statuspage.State(s))
	}
	hash := sha256.New()
	all := &staticFiles{files: map[string]*rendering{}}
	for _, name := range slices.Sorted(maps.Keys(contents)) {
		_, _ = fmt.Fprintf(hash, "%s %d\n%s", name, len(contents[name]), contents[name]) // never fails
		all.files[name] = newRendering(mediaTypes[path.Ext(name)], contents[name])
	}
	all.version = hex.EncodeToString(hash.Sum(nil)[:4])
	return all
}

// path is where a page finds a static file.
func (s *staticFiles) path(name string) (string, error) {
	if s.files[name] == nil {
		return "", fmt.Errorf("there is no static file %s", name)
	}
	return staticRoot + s.version + "/" + name, nil
}

// accent is where the stylesheet with a colour is; empty for no colour. Its name says all that it holds.
func (s *staticFiles) accent(colour string) string {
	if _, ok := parseColour(colour); !ok {
		return ""
	}
	return staticRoot + s.version + "/accent-" + strings.TrimPrefix(colour, "#") + ".css"
}

// serveStatic answers with a static file. Pages of another release of the program, such as that of another node, get the file of
// this one.
func (s *Server) serveStatic(w http.ResponseWriter, r *http.Request, rest string) {
	version, name, _ := strings.Cut(rest, "/")
	file := s.static.files[name]
	if colour, ok := strings.CutPrefix(name, "accent-"); ok {
		file = accentSheet("#" + strings.TrimSuffix(colour, ".css"))
	}
	if file == nil || r.Method != http.MethodGet && r.Method != http.MethodHead {
		s.serve(w, r, missing)
		return
	}
	h := w.Header()
	h.Set("Content-Type", file.mediaType)
	if version == s.static.version {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Add("Vary", "Accept-Encoding")
	file.write(w, r)
}

// colour is red, green and blue from 0 to 1.
type colour [3]float64

// parseColour reads "#rrggbb".
func parseColour(text string) (c colour, ok bool) {
	digits, ok := strings.CutPrefix(text, "#")
	raw, err := hex.DecodeString(digits)
	if !ok || err != nil || len(raw) != len(c) {
		return c, false
	}
	for i := range c {
		c[i] = float64(raw[i]) / 255
	}
	return c, true
}

// String is the colour as CSS has it.
func (c colour) String() string {
	text := "#"
	for _, v := range c {
		text += fmt.Sprintf("%02x", int(math.Round(v*255)))
	}
	return text
}

// luminance is the relative luminance of WCAG 2.2.
func (c colour) luminance() float64 {
	var l [3]float64
	for i, v := range c {
		if l[i] = v / 12.92; v > 0.04045 {
			l[i] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return 0.2126*l[0] + 0.7152*l[1] + 0.0722*l[2]
}

// contrast is the contrast ratio of WCAG 2.2.
func contrast(a, b colour) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// against moves a colour towards another one until text in it can be read on a background.
func (c colour) against(background, towards colour) colour {
	const enough, steps = 4.6, 20
	mixed := c
	for step := 1; step <= steps && contrast(mixed, background) < enough; step++ {
		for i := range c {
			mixed[i] = c[i] + (towards[i]-c[i])*float64(step)/steps
		}
	}
	return mixed
}

// accentSheet is the stylesheet of a colour, made so that links in it can be read on light and on dark pages; nil for no colour.
func accentSheet(text string) *rendering {
	c, ok := parseColour(text)
	if !ok || strings.ToLower(text) != text {
		return nil
	}
	light, dark, white, black := colour{0.96, 0.965, 0.975}, colour{0.11, 0.13, 0.16}, colour{1, 1, 1}, colour{}
	sheet := fmt.Sprintf(":root{--accent:light-dark(%s,%s);--band:%s}\n", c.against(light, black), c.against(dark, white), c)
	return newRendering(mediaTypes[".css"], []byte(sheet))
}

// glyphs are the paths of the icons of states, in a square of 24.
var glyphs = [statuspage.StateCount]string{
	statuspage.Unknown:       `<path d="M9.2 9.2a2.9 2.9 0 1 1 4.4 2.5c-1 .6-1.6 1.2-1.6 2.3M12 17.5v.1"/>`,
	statuspage.Operational:   `<path d="m7.5 12.5 3 3 6-6.5"/>`,
	statuspage.Degraded:      `<path d="M7.5 12h9"/>`,
	statuspage.PartialOutage: `<path d="M12 7v6M12 17v.1"/>`,
	statuspage.MajorOutage:   `<path d="m8 8 8 8M16 8l-8 8"/>`,
	statuspage.Maintenance:   `<path d="M8.5 7.5v9M12 7.5v9M15.5 7.5v9"/>`,
}

// shapes are what lies behind the icons, so that they differ in more than colour.
var shapes = [statuspage.StateCount]string{
	statuspage.Unknown: `<circle cx="12" cy="12" r="11"/>`, statuspage.Operational: `<circle cx="12" cy="12" r="11"/>`,
	statuspage.Degraded:      `<rect x="1.5" y="1.5" width="21" height="21" rx="4"/>`,
	statuspage.PartialOutage: `<path d="M12 1.2 23.4 21.5H.6z"/>`, statuspage.MajorOutage: `<path d="M7.3.8h9.4l6.5 6.5v9.4l-6.5 6.5H7.3L.8 16.7V7.3z"/>`,
	statuspage.Maintenance: `<rect x="1.5" y="1.5" width="21" height="21" rx="4"/>`,
}

// colours are those of favicons, which stand on light and on dark.
var colours = [statuspage.StateCount]string{"#6b7280", "#15803d", "#a16207", "#c2410c", "#b91c1c", "#1d4ed8"}

func favicon(s statuspage.State) []byte {
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><g fill="%s">%s</g><g fill="none" stroke="#fff" `+
		`stroke-width="2.5" stroke-linecap="round" stroke-linejoin="round">%s</g></svg>`+"\n", colours[s], shapes[s], glyphs[s])
}

// symbols are the icons of all states as symbols of a page: "io" is that of what is operational.
func symbols() template.HTML {
	var b strings.Builder
	b.WriteString(`<svg width="0" height="0" hidden>`)
	for s := range glyphs {
		fmt.Fprintf(&b, `<symbol id="i%s" viewBox="0 0 24 24"><g fill="currentColor">%s</g><g class="glyph">%s</g></symbol>`, classes[s], shapes[s], glyphs[s])
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

// pageSet holds the pages in one language by the name of their file.
type pageSet map[string]*template.Template

func (s pageSet) execute(w io.Writer, page string, data any) error {
	t, ok := s[page]
	if !ok {
		return fmt.Errorf("there is no page %s", page)
	}
	return t.ExecuteTemplate(w, "document", data)
}

// parsePages reads all pages, once for each language.
func parsePages(static *staticFiles) (map[string]pageSet, error) {
	all := map[string]pageSet{}
	for _, c := range message.Languages() {
		layout, err := template.New("").Funcs(template.FuncMap{"t": c.Label, "static": static.path, "symbols": symbols}).
			ParseFS(templates, "templates/layout/*.html")
		if err != nil {
			return nil, fmt.Errorf("read the layout of status pages: %w", err)
		}
		all[c.Tag] = pageSet{}
		files, err := templates.ReadDir("templates")
		if err != nil {
			return nil, fmt.Errorf("list the status pages: %w", err)
		}
		for _, f := range files {
			if f.IsDir() {
				continue
			}
			page, err := template.Must(layout.Clone()).ParseFS(templates, path.Join("templates", f.Name()))
			if err != nil {
				return nil, fmt.Errorf("read a status page: %w", err)
			}
			all[c.Tag][strings.TrimSuffix(f.Name(), ".html")] = page
		}
	}
	return all, nil
}
