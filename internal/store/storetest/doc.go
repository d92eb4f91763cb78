// Package storetest holds what tests of the store need: private PostgreSQL servers, and Run, the suite that every
// database has to pass.
package storetest
