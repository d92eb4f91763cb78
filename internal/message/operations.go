package message

import "fmt"

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

// NotServed is what a worker answers instead of the API, the console and status pages.
func (c *Catalogue) NotServed() string {
	return "This node runs jobs only (--role worker) and serves GET /healthz, /readyz and /metrics. The API, the console and status pages " +
		"are served by nodes with --role all or api."
}

// Draining says in the details of readiness that an operator drains the node.
func (c *Catalogue) Draining(inFlight int) string {
	return fmt.Sprintf("drains: %d executions are in flight, and nothing more is started until an operator resumes the node", inFlight)
}

// KeyOverHTTP answers an API key that came over plain HTTP. base is where HTTPS requests go, or "".
func (c *Catalogue) KeyOverHTTP(base string) string {
	return "The API key came over plain HTTP, where others can read it. " + c.sendTo(base) + " If the key was sent over a network, " +
		"revoke it and create another one."
}

// HTTPSOnly answers what came over plain HTTP and is not redirected. base is where HTTPS requests go, or "".
func (c *Catalogue) HTTPSOnly(base string) string {
	return "This service answers over HTTPS only. " + c.sendTo(base)
}

func (c *Catalogue) sendTo(base string) string {
	if base == "" {
		return "Use HTTPS, and one of the host names of the service: its certificate is not valid for the host of this request."
	}
	return fmt.Sprintf("Send requests to %s.", base)
}
