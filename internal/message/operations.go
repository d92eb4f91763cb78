package message

// NoConsole says that there is no console.
func (c *Catalogue) NoConsole() string {
	return "This service has no console. Use the API; it is described at /docs."
}

// OperationsRefused says who may see metrics and profiles.
func (c *Catalogue) OperationsRefused() string {
	return "Metrics and profiles are for those who run the service. It answers them on the address of --operations-listen, " +
		"and without that flag to programs on its own machine that call it at localhost, without a proxy."
}

// NoOperation says what the listener of the operations answers.
func (c *Catalogue) NoOperation() string {
	return "This address answers GET /healthz, /readyz and /metrics, and with --pprof /debug/pprof/. The API is at the " +
		"address of --listen."
}
