// Package api speaks HTTP with programs: the cron-job.org REST API, version 1, and what we add to it.
//
// Files v1*.go hold the routes and wire types of the contract. Requests are read field by field, as leniently as real
// clients need and no more; responses are structs whose fields stand in the order of the contract.
package api
