package message

// OperationsRefused says who may see metrics and profiles.
func (c *Catalogue) OperationsRefused() string {
	return "Metrics and profiles are served on the address of --operations-listen. Without that flag they are served only to " +
		"clients on the same machine that connect to localhost, without a proxy."
}

// NoOperation says what the listener of the operations answers.
func (c *Catalogue) NoOperation() string {
	return "This address serves GET /healthz, /readyz and /metrics, and with --pprof /debug/pprof/. The API is served on the " +
		"address of --listen."
}
