package message

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"

	"punctual/internal/cron"
)

// DataLocked says that another process runs the service on the same data.
func (c *Catalogue) DataLocked(err error) string {
	return fmt.Sprintf("%v. Stop that service first, or give this one a directory of its own with --data.", err)
}

// NoDatabase says that there is no database.
func (c *Catalogue) NoDatabase(err error) string {
	return fmt.Sprintf("%v. Start the service once with punctual serve, or name it with --data or --database.", err)
}

// NotADatabase says that a file is not a database, or is damaged.
func (c *Catalogue) NotADatabase(err error) string {
	return fmt.Sprintf("%v. Nothing was changed. Restore the file from a backup, or move it away to start anew.", err)
}

// OlderDatabase says that a command found a database that has to be migrated.
func (c *Catalogue) OlderDatabase(err error) string {
	return fmt.Sprintf("%v. Restart the service with this version of the program first.", err)
}

// NewerDatabase says that the database was migrated by a newer program.
func (c *Catalogue) NewerDatabase(err error) string {
	return fmt.Sprintf("%v. Nothing was changed. Use a newer version of the program, such as that of the other nodes, or a backup from before.", err)
}

// OutdatedNode says that a node stops since the database has been changed for newer programs.
func (c *Catalogue) OutdatedNode(e *cron.OutdatedError) string {
	return fmt.Sprintf("The node has stopped: %v. What it was running is recorded. Start it again with a newer version of the program.", e)
}

// UnreleasedDatabase says that the database was created before the first release.
func (c *Catalogue) UnreleasedDatabase(err error) string {
	return fmt.Sprintf("%v. Nothing was changed. Read its jobs with the version that made it (GET /jobs and GET /jobs/ID), "+
		"then start with an empty database and create them again.", err)
}

// OtherKey says that the database is encrypted with another key.
func (c *Catalogue) OtherKey(error) string {
	return "The secrets in the database were sealed with another key. Give the key that belongs to this database: " +
		"the file secret.key of its data directory, or PUNCTUAL_SECRET_KEY, the same for all nodes of one database. After a " +
		"rotation, a backup from before needs the former key, which secret.key.old has."
}

// KeyMissing says that the database exists but its key does not.
func (c *Catalogue) KeyMissing(path string) string {
	return fmt.Sprintf("The database is there, but the key of its secrets is missing at %s. Put it back from a backup, "+
		"or give it with PUNCTUAL_SECRET_KEY.", path)
}

// BadKey says that the key for secrets is invalid.
func (c *Catalogue) BadKey(source string) string {
	return fmt.Sprintf("The key of the secrets in %s must be 32 bytes in base64. Several keys are separated by line breaks, "+
		"spaces or commas.", source)
}

// NoSecondKey says that the configuration has no key to rotate to.
func (c *Catalogue) NoSecondKey() string {
	return "PUNCTUAL_SECRET_KEY has one key only, which is in use. Make another one with punctual key new, add it behind that one, " +
		"after a comma, on every machine, restart the service there, and run punctual key rotate again."
}

// NodesLackKey says that nodes do not have the new key. source is where the machine of the command has it.
func (c *Catalogue) NodesLackKey(source string, nodes []string) string {
	return fmt.Sprintf("These nodes do not have the new key yet: %s. No secret was changed. Add the last key of %s there, behind "+
		"the former one: to secret.key, which a running service reads again, or to PUNCTUAL_SECRET_KEY, which needs a restart. "+
		"Then run punctual key rotate again.", strings.Join(nodes, ", "), source)
}

// OtherRotation says that two rotations run at once.
func (c *Catalogue) OtherRotation() string {
	return "Another punctual key rotate is at work on this database. Wait until it has ended, then run this one again if it failed."
}

// KeyRotated says what a rotation has done. unopened is how many values no key opens; kept is the file that has the former
// keys now, empty when they are in the configuration.
func (c *Catalogue) KeyRotated(values, unopened int, kept string) string {
	text := fmt.Sprintf("All secrets are encrypted with the newest key; %d were encrypted anew.", values)
	if unopened > 0 {
		text += fmt.Sprintf(" Another %d cannot be decrypted with any of the keys, and stay as they are.", unopened)
	}
	if kept == "" {
		return text + " Remove the former key from PUNCTUAL_SECRET_KEY on every machine, and keep it with the backups made before."
	}
	return text + fmt.Sprintf(" The former key is in %s now. Keep it as long as backups from before are kept, and remove it from "+
		"secret.key of other machines.", kept)
}

// NoSuchAccount says that an account does not exist. name is "" for the operator's account.
func (c *Catalogue) NoSuchAccount(name string) string {
	if name == "" {
		return "The database has no account yet. Start the service once with punctual serve."
	}
	return fmt.Sprintf("There is no account with the e-mail address or the number %q; punctual account list shows all.", name)
}

// IssuerWithoutAccount says that the account of an issuer in the file of --oidc does not exist.
func (c *Catalogue) IssuerWithoutAccount(file, issuer, account string) string {
	return fmt.Sprintf("The file %s of --oidc: issuer %q: there is no account with the e-mail address or the number %q. "+
		"punctual account list shows all accounts; create the missing one with punctual account create, or name another.",
		file, issuer, account)
}

// NoSuchPerson says that a person does not exist. email is "" for the first operator.
func (c *Catalogue) NoSuchPerson(email string) string {
	if email == "" {
		return "The service has no operator who signs in yet."
	}
	return fmt.Sprintf("Nobody signs in with the e-mail address %q; punctual person list shows all.", email)
}

// InvitationMailed says that the link of an invitation goes to its address.
func (c *Catalogue) InvitationMailed(email string) string {
	return fmt.Sprintf("The link is sent to %s.", email)
}

// MailUnsent says that a mail of a command was not sent: why, and until when the senders of nodes try it. Without a reason, no attempt was
// made; with neither reason nor time, the command has no mail server.
func (c *Catalogue) MailUnsent(to, why string, until time.Time) string {
	switch {
	case until.IsZero() && why == "":
		return fmt.Sprintf("Tell %s yourself: no mail was sent, because this command has no mail server. Give it --smtp and --mail-from, as punctual serve has them.", to)
	case until.IsZero():
		return fmt.Sprintf("The mail to %s was not sent, and is not tried again. %s", to, why)
	}
	text := fmt.Sprintf("The mail to %s is not sent yet; a running punctual serve tries until %s (UTC).", to, until.UTC().Format("2006-01-02 15:04"))
	if why != "" {
		text += " " + why
	}
	return text
}

// AskDeletion asks when an account is to be deleted.
func (c *Catalogue) AskDeletion(a cron.Account) string {
	return fmt.Sprintf("Delete the account %s with its jobs, keys and history at once, or stop its jobs now and delete it in "+
		"7 days?\nType now or later: ", a.Email)
}

// NoAnswer says that the question was not answered.
func (c *Catalogue) NoAnswer() string {
	return "Nothing was deleted. Answer now or later, or give --now or --later."
}

// AccountDeletedLater says when an account will be deleted.
func (c *Catalogue) AccountDeletedLater(a cron.Account) string {
	return fmt.Sprintf("The jobs of %s have stopped. The account will be deleted on %s (UTC); until then, punctual account "+
		"restore %d keeps it.", a.Email, a.Deletes.UTC().Format("2006-01-02 15:04"), a.ID)
}

// AccountExists says that an account with this email address exists.
func (c *Catalogue) AccountExists(email string) string {
	return fmt.Sprintf("There is an account with the e-mail address %q already.", email)
}

// OperatorStays says that the first account cannot be deleted.
func (c *Catalogue) OperatorStays(email string) string {
	return fmt.Sprintf("%s is the operator's account, which cannot be deleted.", email)
}

// OperatorReaches says that the first account cannot be denied access to private networks.
func (c *Catalogue) OperatorReaches(email string) string {
	return fmt.Sprintf("%s is the operator's account, whose jobs may always call private networks; "+
		"to refuse some of them to all accounts, start the service with --deny-targets.", email)
}

// NoSuchPlan says that a plan does not exist, and lists the plans.
func (c *Catalogue) NoSuchPlan(name string, plans cron.Plans) string {
	return fmt.Sprintf("There is no plan called %q; there are %s. More can be defined in the file of --plans.", name,
		strings.Join(slices.Sorted(maps.Keys(plans)), ", "))
}

// TooManyKeys says that the plan of an account allows no further API key.
func (c *Catalogue) TooManyKeys(a cron.Account) string {
	return fmt.Sprintf("The plan %q of %s allows no further API key. "+
		"Revoke one that is no longer needed, or change the plan.", a.Plan, a.Email)
}

// NoSuchKey says that an account has no API key with that id.
func (c *Catalogue) NoSuchKey(id int64) string {
	return fmt.Sprintf("The account has no API key %d; punctual apikey list shows those it has.", id)
}

// MoveIncomplete says that a database cannot be used, since a move into it was not completed.
func (c *Catalogue) MoveIncomplete(err error) string {
	return fmt.Sprintf("%v. Run punctual move again, with the same --from and --to: it begins anew and completes the database. To give the move "+
		"up, delete that file, or drop the PostgreSQL database, and use the source.", err)
}

// MoveTargetFilled says that a move would overwrite a database.
func (c *Catalogue) MoveTargetFilled(err error) string {
	return fmt.Sprintf("%v. Nothing was changed. Name an empty PostgreSQL database, or a directory without punctual.db.", err)
}

// MoveRunning says that a move found a service that runs.
func (c *Catalogue) MoveRunning(err error) string {
	return fmt.Sprintf("%v. Stop all nodes of both databases, wait 10 seconds if one was killed, and run punctual move again.", err)
}

// MoveWrong says that a move found a difference at its end.
func (c *Catalogue) MoveWrong(err error) string {
	return fmt.Sprintf("%v. The target is not used. Check its disk, make sure that nothing else writes to either database, and run punctual move again.", err)
}

// Moved says what a move has done. key is where the key of the target is, for people.
func (c *Catalogue) Moved(rows int64, resealed, unopened int, from, to, key string) string {
	text := fmt.Sprintf("%d rows were moved, and the target was compared with the source.", rows)
	if resealed > 0 {
		text += fmt.Sprintf(" %d secrets were encrypted with the key of the target.", resealed)
	}
	if unopened > 0 {
		text += fmt.Sprintf(" Another %d cannot be decrypted with any of the keys, and stay as they are.", unopened)
	}
	return text + fmt.Sprintf(" Start the service on %s with the key in %s. Do not start it on %s again: all jobs would run twice.", to, key, from)
}

// MoveProgress says how far a move has come.
func (c *Catalogue) MoveProgress(checking bool, table string, rows int64) string {
	doing := "Copying"
	if checking {
		doing = "Checking"
	}
	return fmt.Sprintf("%s %s: %d rows", doing, table, rows)
}

// NoBackup says that backup only supports SQLite.
func (c *Catalogue) NoBackup(error) string {
	return "This command backs up SQLite databases. A PostgreSQL database has its own tools: pg_dump, or a base backup."
}

// TooFewFiles says that the operating system lets the process open too few files for so many executions at once, and how
// many it needs.
func (c *Catalogue) TooFewFiles(limit, slots, needed int) string {
	return fmt.Sprintf("The operating system lets the service open only %d files, which is too few for %d executions at "+
		"once. Raise the limit to %d or more: with ulimit -n in a shell, LimitNOFILE= in a systemd unit, or "+
		"--ulimit nofile= of a container.", limit, slots, needed)
}

// BadDatabaseURL says that the URL of a PostgreSQL database cannot be read.
func (c *Catalogue) BadDatabaseURL(error) string {
	return "The URL of --database cannot be read. Write it as postgres://user:password@host:5432/name, with special " +
		"characters in the password percent-encoded."
}

// asSentence begins a text with a capital.
func asSentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// OldDatabaseServer says that the PostgreSQL server is too old; err says which version it has.
func (c *Catalogue) OldDatabaseServer(err error) string {
	return asSentence(err.Error()) + ". Use version 15 or later."
}

// FewDatabaseConnections says that PostgreSQL allows too few connections; err says how many.
func (c *Catalogue) FewDatabaseConnections(err error) string {
	return asSentence(err.Error()) + ". A node needs at least 4, and works best with 16 (--database-connections). Raise max_connections of the " +
		"database, or the limit of the role or the database (CONNECTION LIMIT), or close connections of other programs."
}

// PoolerRefuses says that a connection pooler refuses what the service needs; err has its words.
func (c *Catalogue) PoolerRefuses(err error) string {
	return asSentence(err.Error()) + ". Use PgBouncer with pool_mode transaction or session. A parameter that it refuses is set for the role " +
		"instead: ALTER ROLE … SET … in the database. --database-direct names the database itself."
}

// CommandRefused lists the reasons why a command was rejected.
func (c *Catalogue) CommandRefused(refused *cron.Error) string {
	if len(refused.Problems) == 0 {
		_, detail := c.Error(refused.Kind, refused.Subject)
		return detail
	}
	flags := map[string]string{"/title": "--title", "/expires": "--expires", "/allowFrom": "--allow-from"}
	var sentences []string
	for _, p := range refused.Problems {
		switch flag := flags[p.Pointer]; {
		case p.Pointer == "/expires" && p.Rule == cron.RuleOutOfRange:
			sentences = append(sentences, flag+": The key must end in the future, and before the year 10000.")
		case flag != "":
			sentences = append(sentences, flag+": "+c.Problem(p))
		default:
			sentences = append(sentences, c.Problem(p))
		}
	}
	return strings.Join(sentences, " ")
}

// DiskOf names the disk that directories are on.
func (c *Catalogue) DiskOf(dirs string) string { return "The disk of " + dirs }

// FileFails says that an operation failed because of a file or directory.
func (c *Catalogue) FileFails(doing string, err *fs.PathError) string {
	why, remedy := "the operating system refuses it", "Check the path and its disk."
	switch {
	case errors.Is(err, fs.ErrNotExist):
		why, remedy = "it does not exist", "Check the path."
	case errors.Is(err, fs.ErrExist):
		why, remedy = "it exists already", "Choose another name, or move it away."
	case errors.Is(err, fs.ErrPermission):
		why, remedy = "this user may not", "Change its permissions, or choose another path."
	case errors.Is(err, syscall.ENOSPC):
		why, remedy = "its disk is full", "Free space on it."
	case errors.Is(err, syscall.EROFS):
		why, remedy = "its disk is read-only", "Make it writable, or choose another path."
	case errors.Is(err, syscall.ENOTDIR):
		why, remedy = "it is a file, or below one, and not a directory", "Choose another path."
	case errors.Is(err, syscall.EISDIR):
		why, remedy = "it is a directory", "Choose the path of a file."
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		why, remedy = "too many files are open", "Raise the limit (ulimit -n)."
	}
	return fmt.Sprintf("Cannot %s: %s: %s. %s", doing, err.Path, why, remedy)
}

// PortInUse says that the service cannot listen at the address that a flag gives.
func (c *Catalogue) PortInUse(address, flag string, err error) string {
	why := "the operating system refuses it"
	_, lookup := errors.AsType[*net.DNSError](err)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		why = "the port is in use"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		why = "the machine does not have that address"
	case errors.Is(err, fs.ErrPermission):
		why = "this user may not use that port"
	case lookup:
		why = "the name of the host is not known"
	}
	return fmt.Sprintf("Cannot listen on %s: %s. Free the port, or choose another one with %s.", address, why, flag)
}

// NoCertificate says that the file of the service's certificate holds none.
func (c *Catalogue) NoCertificate(error) string {
	return "The file of --tls-cert holds no certificate in PEM. Give a file that begins with -----BEGIN CERTIFICATE-----, with " +
		"the certificate of the service first and the chain behind it."
}

// NoPrivateKey says that the file of the service's private key holds none, or one that is encrypted.
func (c *Catalogue) NoPrivateKey(error) string {
	return "The file of --tls-key holds no private key in PEM, or an encrypted one. Give a file with the line " +
		"-----BEGIN PRIVATE KEY-----; openssl pkey decrypts a key."
}

// OtherPrivateKey says that a private key and a certificate do not belong together.
func (c *Catalogue) OtherPrivateKey(error) string {
	return "The private key of --tls-key does not belong to the certificate of --tls-cert. Give the key that the certificate was " +
		"made for, and a certificate file that begins with the certificate of the service, not with that of its authority."
}

// NoRootCertificate says that the file of a certificate authority's root certificate holds none.
func (c *Catalogue) NoRootCertificate(error) string {
	return "The file of --acme-root holds no certificate in PEM. Give a file that begins with -----BEGIN CERTIFICATE-----, or " +
		"leave out --acme-root if the system trusts the certificate authority."
}

// FirstStart is the text at the first start: the API key, which is shown once, and how to create a job.
func (c *Catalogue) FirstStart(baseURL, key string) string {
	return fmt.Sprintf(`Punctual is running at %[1]s

Your API key, shown this once:

    %[2]s

A first job, called every minute:

    curl -X PUT %[1]s/jobs \
      -H 'Authorization: Bearer %[2]s' \
      -H 'Content-Type: application/json' \
      -d '{"job":{"url":"https://example.com/","enabled":true,"schedule":{"timezone":"UTC","hours":[-1],"mdays":[-1],"minutes":[-1],"months":[-1],"wdays":[-1]}}}'

`, baseURL, key)
}

// SetUpLink is the text at each start while nobody can sign in: the link to do so.
func (c *Catalogue) SetUpLink(url string) string {
	return fmt.Sprintf(`Open the console by this link, which works once and for an hour (punctual login-link prints another):

    %s

`, url)
}

// UnknownZoneRelease says that time zone data do not name their release.
func (c *Catalogue) UnknownZoneRelease(path string) string {
	return fmt.Sprintf("The time zone data at %s do not say which release they are, so that nobody knows whether they are "+
		"newer than those built in. Give a directory with the file tzdata.zi or +VERSION, a zip file with the entry +VERSION, "+
		"or leave out --zoneinfo.", path)
}

// NotZoneData says that the file at a path is missing, is not time zone data, or is damaged.
func (c *Catalogue) NotZoneData(path string) string {
	return fmt.Sprintf("%s has no time zone data, or damaged ones. Give a directory such as /usr/share/zoneinfo or a zip "+
		"file of it, or leave out --zoneinfo.", path)
}

// UnreadableZoneData says that time zone data cannot be read.
func (c *Catalogue) UnreadableZoneData(path string, err error) string {
	return fmt.Sprintf("The time zone data at %s cannot be read: %v. Check the path, or leave out --zoneinfo.", path, err)
}

// NobodySignsIn is added to the text at the root URL of the service while nobody can sign in.
func (c *Catalogue) NobodySignsIn() string {
	return `
Nobody can sign in to the console yet. On the machine of the service, run this command, and open the link that it prints:

    punctual login-link

Give it the same --data, --database and --key as the service, if the service has them.
`
}

// Welcome is the text at the root URL of the service.
func (c *Catalogue) Welcome(baseURL string) string {
	return fmt.Sprintf(`Punctual is running.

It calls URLs on time and records what happened. People sign in at %[1]s/console.
Programs talk to it through the cron-job.org REST API, with this address as the
base URL:

    %[1]s

List your jobs:

    curl -H 'Authorization: Bearer YOUR-API-KEY' %[1]s/jobs

The API key was printed when the service first started. To make another one:

    punctual apikey create

State of the service: %[1]s/readyz
`, baseURL)
}
