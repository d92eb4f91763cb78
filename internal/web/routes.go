package web

// route is one page, or what a form of it does.
type route struct {
	method  string
	pattern string // of http.ServeMux, without the method
	handle  handler
}

// routes lists all pages.
func (w *web) routes() []route {
	return []route{}
}
