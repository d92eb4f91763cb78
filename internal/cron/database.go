package cron

import "errors"

// DatabaseFault is a reason why the database cannot be used, as far as an operator can act on it.
type DatabaseFault int

// The faults of databases.
const (
	DatabaseOK              DatabaseFault = iota // no known fault
	DatabaseFull                                 // no space is left on its disk
	DatabaseReadOnly                             // it can be read but not written
	DatabaseBusy                                 // another process holds a lock for too long
	DatabaseIOError                              // its disk cannot be read or written
	DatabaseNoFile                               // its file cannot be opened
	DatabaseDamaged                              // its file is damaged
	DatabaseMemory                               // it is short of memory
	DatabaseConnectionLimit                      // all its connections are in use
	DatabaseStopping                             // it is starting or shutting down
	DatabaseUnreachable                          // it cannot be reached
	DatabaseLogin                                // it rejects the user, the password or the name of the database
	DatabaseSlow                                 // it did not answer in time
	DatabaseTLS                                  // no connection by TLS can be made to it
)

// DatabaseFaultOf is the fault that an error reports; DatabaseOK for an error that reports none.
func DatabaseFaultOf(err error) DatabaseFault {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Database
	}
	return DatabaseOK
}
