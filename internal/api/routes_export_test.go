package api

// Routes lists all calls, such as "GET /jobs".
func Routes() (routes []string) {
	for _, r := range new(api).routes() {
		routes = append(routes, r.method+" "+r.pattern)
	}
	return routes
}
