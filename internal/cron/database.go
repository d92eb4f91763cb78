package cron

import "errors"

// DatabaseFault is why the database cannot be used, as far as an operator can do something about it.
type DatabaseFault int

// The faults of databases.
const (
	DatabaseOK              DatabaseFault = iota // nothing is known to be wrong
	DatabaseFull                                 // no space is left on its disk
	DatabaseReadOnly                             // it may be read but not written
	DatabaseBusy                                 // somebody else holds a lock for long
	DatabaseIOError                              // its disk fails to read or write
	DatabaseNoFile                               // its file cannot be opened
	DatabaseDamaged                              // its file is damaged
	DatabaseMemory                               // it is short of memory
	DatabaseConnectionLimit                      // it has no connection left for us
	DatabaseStopping                             // it is shutting down or starting
	DatabaseUnreachable                          // it cannot be reached
	DatabaseLogin                                // it refuses the user, the password or the name of the database
	DatabaseSlow                                 // it does not answer in time
)

// DatabaseFaultOf is what is wrong with the database by an error; DatabaseOK when the error does not tell.
func DatabaseFaultOf(err error) DatabaseFault {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Database
	}
	return DatabaseOK
}
