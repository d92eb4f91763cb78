// Package store keeps accounts, jobs and the ledger of executions in SQLite or PostgreSQL.
//
// SQL is written once, with $n parameters, for both databases. An engine holds what differs: write transactions, locks
// and lists, statements of many rows, ordered reads of history, and pruning. Instants are Unix milliseconds, durations
// microseconds; 0 means "none" except in nullable columns. Rows of package store and types of package cron are
// converted explicitly.
//
// All planning uses Store.Now: the clock of the process on SQLite, the clock of the database on PostgreSQL, so that
// nodes whose clocks differ agree.
package store
