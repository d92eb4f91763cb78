// Package api speaks HTTP with programs: the cron-job.org REST API, version 1, and what we add to it.
//
// A resource has a file of its own, with its calls and its wire types. Requests are read field by field, as leniently as
// real clients need and no more (package wire); responses are structs whose fields stand in the order of the contract.
package api
