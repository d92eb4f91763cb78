// Package store keeps accounts, jobs and the ledger of executions in SQLite or PostgreSQL.
//
// SQL is written once, with $n parameters, for both databases; an engine holds what differs: how a write transaction is
// run, locks and lists, the statements of many rows, and how history is read in order and pruned. Instants are Unix
// milliseconds, durations microseconds; 0 stands for "none" except where a column is nullable. Rows of package store and
// types of package cron are converted explicitly.
//
// Every plan is made in the time of Store.Now: the process's own on SQLite, the database's on PostgreSQL, so that
// nodes whose clocks differ agree.
package store
