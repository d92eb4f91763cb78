// Package storetest supports tests that use the store: databases of every kind, fixtures, the SQL that knows the schema
// (Tables), and Run, the suite that every database has to pass.
package storetest
