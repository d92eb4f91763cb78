// Package clients runs programs that were written for cron-job.org's API, and HTTP libraries of several languages, against
// the binary. The packages are fetched at fixed versions by the package managers of their languages and are not changed:
// only the base URL is set, by the client's own option or, where it has none, by the transport that it is given.
//
// Each directory under testdata holds a driver: a program that uses one client. It finds the service in the environment
// variables PUNCTUAL_URL and PUNCTUAL_KEY, does what its users do, and exits with a status other than 0 when something is
// not as they expect. Job 1 is there before: it has been executed, and its responses are saved.
package clients
