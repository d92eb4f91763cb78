// Package storetest holds what tests need that use the store: databases of every kind, fixtures, and Run, the suite that
// every database has to pass.
package storetest
