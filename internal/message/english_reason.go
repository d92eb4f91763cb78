package message

import "punctual/internal/cron"

// englishFaults say why an execution failed. FaultNone is the fallback.
var englishFaults = map[cron.Fault]string{
	cron.FaultNone:               "The reason is not known.",
	cron.FaultInvalidURL:         "The URL is not valid.",
	cron.FaultUnknownSecret:      "The request refers to the secret {detail}, which the account does not have.",
	cron.FaultHostNotFound:       "The host {detail} does not exist.",
	cron.FaultResolver:           "The name server gave no usable answer for the host {detail}.",
	cron.FaultRefused:            "{detail} refused the connection.",
	cron.FaultUnreachable:        "{detail} cannot be reached.",
	cron.FaultBlocked:            "This service may not call {detail}.",
	cron.FaultMetadata:           "This service may not call {detail}.",
	cron.FaultOwnListener:        "This service may not call {detail}.",
	cron.FaultDenied:             "This service may not call {detail}.",
	cron.FaultLinkLocal:          "This service may not call {detail}.",
	cron.FaultConnect:            "The connection to {detail} failed.",
	cron.FaultLookupTimeout:      "Looking up the host {detail} took too long.",
	cron.FaultConnectTimeout:     "Connecting to {detail} took too long.",
	cron.FaultTLSTimeout:         "The TLS handshake with {detail} took too long.",
	cron.FaultTimeout:            "There was no whole response within {detail}.",
	cron.FaultCertificateExpired: "The certificate for {detail} has expired or is not valid yet.",
	cron.FaultCertificateNotYet:  "The certificate for {detail} has expired or is not valid yet.",
	cron.FaultCertificateChain:   "The certificate for {detail} has expired or is not valid yet.",
	cron.FaultCertificateHost:    "The certificate is for another host: {detail}.",
	cron.FaultCertificateUnknown: "The certificate comes from an authority that is not trusted: {detail}.",
	cron.FaultTLS:                "The TLS connection failed: {detail}.",
	cron.FaultTooMuchData:        "The response was larger than the allowed {detail} bytes.",
	cron.FaultClosed:             "The connection ended before the whole response had come.",
	cron.FaultMalformed:          "The response was not valid HTTP: {detail}.",
	cron.FaultReset:              "The server reset the connection.",
	cron.FaultKeptClosed: "The server closed the connection, which an earlier execution had left open, before it answered. " +
		"It may have processed the request. The connection \"fresh\" avoids this.",
	cron.FaultInternal:  "An error inside the service kept the execution from being performed.",
	cron.FaultNotGlobal: "{detail} has no public address, and this account may call no other.",
	cron.FaultMatchBusy: "The response came, but the service was too busy to match it with the pattern within {detail}. " +
		"This does not count against the job.",
	cron.FaultShortage: "The service itself lacked {detail}, so the target could not be called properly. " +
		"This does not count against the job; the operator of the service can fix it.",
	cron.FaultLost:            "The execution was started, but the service stopped before its result was known.",
	cron.FaultOverlap:         "The execution was skipped, since the previous execution of the job was still running.",
	cron.FaultDisabled:        "The execution was skipped, since the job was disabled before it could start.",
	cron.FaultMissed:          "The execution was missed, since the service found it too late.",
	cron.FaultPaused:          "The execution was skipped, since the job was paused before it could start.",
	cron.FaultAccountDisabled: "The execution was skipped, since the account was disabled.",
	cron.FaultMaintenance:     "The execution was skipped, since a maintenance window paused the job.",
	cron.FaultStatus:          "The status code {detail} does not count as a success of this job.",
	cron.FaultBodyLacks:       "The response does not contain {quoted}.",
	cron.FaultBodyHolds:       "The response contains {quoted}.",
	cron.FaultBodyMismatch:    "The response does not match the pattern {quoted}.",
	cron.FaultMatchTime:       "Matching the response with the pattern {quoted} took too long.",
	cron.FaultRedirects:       "There were more redirects than the {detail} that this job follows.",
	cron.FaultRedirectLoop:    "The redirects form a loop, back to {detail}.",
	cron.FaultRedirectURL:     "The server redirected to {quoted}, which cannot be requested.",
}

// englishDatabases say why the database cannot be used. DatabaseOK is the fallback.
var englishDatabases = map[cron.DatabaseFault]reason{
	cron.DatabaseOK:   {"of an unknown error", "The log has it."},
	cron.DatabaseFull: {"its disk is full", "Free space on the disk that holds the database, or enlarge it."},
	cron.DatabaseReadOnly: {"it is read-only", "Make the data directory and its files writable for the user that runs the service; " +
		"on PostgreSQL connect to the primary, with a role that may write; the URL may name several hosts."},
	cron.DatabaseBusy: {"another process holds a lock on it", "End the process that keeps it locked, such as a shell or a backup of " +
		"the database with an open transaction."},
	cron.DatabaseIOError: {"its disk fails to read or write", "Check the disk and the log of the operating system."},
	cron.DatabaseNoFile: {"its file cannot be opened", "Check that the data directory is there, that the user that runs the service " +
		"may write to it, and that enough files may be open (ulimit -n)."},
	cron.DatabaseDamaged: {"it is damaged", "Stop the service and restore the database from a backup."},
	cron.DatabaseMemory:  {"there is too little memory", "Give the database or the machine more memory, or stop other programs."},
	cron.DatabaseConnectionLimit: {"it has no connection left", "Raise max_connections of the database or of its pooler, lower --database-connections, " +
		"or close connections of other programs."},
	cron.DatabaseStopping:    {"it is shutting down or starting", "Wait until it has started; if it stays down, start it."},
	cron.DatabaseUnreachable: {"the connection was refused or broke off", "Check that the database runs, and the host and port of its URL."},
	cron.DatabaseLogin: {"the login or a permission was refused", "Check the user, the password and the name of the database in its " +
		"URL, and what the user may do."},
	cron.DatabaseSlow: {"it does not answer in time", "Check the load of the database, its locks, and the network to it."},
	cron.DatabaseTLS: {"its TLS certificate is not accepted, or it has none", "Check sslmode, sslrootcert, sslcert and sslkey in its URL, and that " +
		"the certificate is for the host in the URL and has not expired."},
}
