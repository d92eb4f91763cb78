// Package cron is the domain of Punctual: jobs, schedules, executions, the people who manage them, and the rules between
// them.
//
// It imports the standard library only, knows neither JSON nor SQL, and does no I/O. Wire types live in package api,
// rows in package store; both convert explicitly.
//
// # Where to find what
//
//   - Job.Accept normalises and validates a definition.
//   - JobPatch is an edit of a job by a user, which can be checked by itself and applied to many jobs.
//   - Job.OccurrenceAfter says when a job is due; the changes of clocks are in daylight_saving.go.
//   - Job.Decide says which due occurrence runs and which are missed.
//   - Job.Call makes the HTTP exchange of a job.
//   - Conclude says what follows from a result: counters, notices, further attempts, disabling.
//   - PlanLimits lists the limits of a plan.
//   - APIKey.Within says whether a key may make another one; Session.Fresh whether a sign-in is recent.
//
// # Glossary
//
// Each term has one meaning in code, comments, messages and documentation.
//
//	job              what to send, and when; the definition (Job) without what executions leave behind (JobState)
//	patch            an edit of a job: the fields that a user sets, with their values (JobPatch)
//	schedule         the recurring times of a job (Schedule); it has a time zone
//	one-time job     a job that is due at one instant (Timing.RunAt) instead of by its schedule
//	occurrence       an instant at which a job is due; it is identified by its planned time
//	next run         the next occurrence of a job
//	execution        one attempt at an occurrence, and its record in the ledger (Execution)
//	attempt          the number of an execution within its occurrence; 1 is the first
//	retry            a further attempt after a failure; a repeat is one after a lost execution
//	manual run       an execution that was requested, apart from the schedule (Run)
//	test run         an exchange of a job, stored or not, that somebody wants to see; no execution, and not in the ledger (TestRun)
//	ledger           the records of all executions, and of occurrences that did not run
//	claim            the transaction in which a node takes due work; it writes the launch records
//	launch           a claimed execution (Launch); its record is committed before any byte is sent
//	in flight        claimed and not ended yet
//	completion       a launch with its result (Completion); finishing records it
//	outcome          what became of an execution: running, succeeded, failed, skipped, lost or missed
//	status           the result of an execution as the cron-job.org API numbers it
//	fault            the cause of a failure as it is recorded (Fault)
//	diagnosis        why an execution failed and what to do, as values (Diagnosis); made of its result when it is shown
//	mend             a change of a job after which it might succeed (Mend)
//	lost             claimed, with an unknown outcome
//	missed           not run, because it was found too late
//	skipped          not run, because of an overlap, a pause, or a disabled job or account
//	lateness         the time from when an attempt was due to its start
//	grace            how late an occurrence can be found and still run normally
//	misfire          an occurrence that is found later than its grace
//	overlap          an occurrence that is due while the previous execution of its job is in flight
//	spread           a fixed delay of a job that differs between jobs (Timing.Spread)
//	plan             a tariff: a set of limits that accounts share (Plan); never a schedule
//	slot             room for one execution in flight on a node
//	node, epoch      a process that runs jobs, and the number of one start of it
//	lease            the time after a heartbeat in which a node counts as alive
//	notice, outbox   a message about a job, and the table in which notices wait for delivery
//	exchange         one HTTP request with its redirects and its response (Call, Result)
//	kept connection  one that an exchange has left open, for another of the same account to reuse (ConnectionReuse)
//	reading          a local time in seconds, counted as if it were UTC
//	watermark        the position in the feed of events up to which a reader has seen everything
//	idempotency key  makes a call take effect once, however often it is sent (IdempotentCall)
//	account          owns jobs, folders, API keys and a plan (Account); its address is a contact, and signs nobody in
//	person           somebody who signs in, by an e-mail address (Person); belongs to accounts as a member
//	membership       a person in an account, with a role (Membership)
//	role             what a member may do: viewer, editor or owner (Role)
//	operator         a person or an API key who manages the whole service; it is not a role
//	actor            who performs a use case: a person, an API key or a command (Actor)
//	scope            what an API key may do, besides the role of its maker (Scope)
//	session          a sign-in of a person, in the console or over the API (Session)
//	fresh            of a session: its person has proven who they are within the last 15 minutes
//	second factor    a code of an authenticator app, or a recovery code, after the password
//	passkey          a key pair of a person's device that signs in by itself (Passkey)
//	issuer, identity a service of OpenID Connect, and the subject that it knows a person by (Identity)
//	one-time link    a token that is mailed or printed and has one effect, once (Link)
//	invitation       a one-time link that makes whoever has an address a member
//	audit log        who changed what, from where and by which session or key (AuditEntry)
package cron
