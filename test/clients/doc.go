// Package clients runs clients that were written for cron-job.org's API, and HTTP libraries of several languages,
// against the binary. Their package managers fetch fixed versions, which are not modified: only the base URL is set, by
// an option of the client or, if it has none, by its transport.
//
// Each directory under testdata contains a driver: a program that uses one client. It reads the environment variables
// PUNCTUAL_URL and PUNCTUAL_KEY, and exits with a status other than 0 when a result is unexpected. Job 1 exists: it has
// been executed, and its responses are saved.
package clients
