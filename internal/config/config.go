// Package config parses the command line and the environment.
package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// Command is a command of the program.
type Command string

// The commands.
const (
	Serve          Command = "serve"
	AccountCreate  Command = "account create <email>"
	AccountList    Command = "account list"
	AccountSetPlan Command = "account set-plan <account> <plan>"
	AccountDisable Command = "account disable <account>"
	AccountEnable  Command = "account enable <account>"
	AccountDelete  Command = "account delete <account>"
	AccountRestore Command = "account restore <account>"
	AccountExport  Command = "account export <account> <file>"
	APIKeyCreate   Command = "apikey create"
	APIKeyList     Command = "apikey list"
	APIKeyRevoke   Command = "apikey revoke <id>"
	Backup         Command = "backup <file>"
	KeyNew         Command = "key new"
	KeyRotate      Command = "key rotate"
	LoginLink      Command = "login-link"
	NodesList      Command = "nodes list"
	NodesDrain     Command = "nodes drain <node>"
	NodesResume    Command = "nodes resume <node>"
	PersonList     Command = "person list"
	PersonInvite   Command = "person invite <email>"
	PersonDisable  Command = "person disable <email>"
	PersonEnable   Command = "person enable <email>"
	PersonOperator Command = "person operator <email> <switch>"
	MailTest       Command = "mail test <address>"
	Move           Command = "move"
	Version        Command = "version"
)

// Config is the command with its flags and arguments.
type Config struct {
	Command Command `kong:"-"`

	Data     string `default:"./punctual-data" env:"PUNCTUAL_DATA" placeholder:"DIR" help:"Directory of the secret key and the SQLite database; serve creates it if it is missing."`
	Database string `env:"PUNCTUAL_DATABASE" placeholder:"URL" help:"A postgres:// URL; by default SQLite in the data directory is used."`

	DatabaseDirect      string `env:"PUNCTUAL_DATABASE_DIRECT" placeholder:"URL" help:"A postgres:// URL of the same database without the pooler, such as PgBouncer, that --database leads to; used to migrate the database and to hear of changes on other nodes at once."`
	DatabaseConnections int    `env:"PUNCTUAL_DATABASE_CONNECTIONS" placeholder:"NUMBER" help:"How many connections to PostgreSQL a node uses at most, from 4; by default 16, or half of those that the database allows if these are fewer."`

	Key   string `env:"PUNCTUAL_SECRET_KEY" placeholder:"BASE64" help:"The key that encrypts secrets, 32 bytes in base64; by default the file secret.key in the data directory. All nodes of a database need the same key. Several keys, the newest one last, are separated by commas."`
	Plans string `env:"PUNCTUAL_PLANS" placeholder:"FILE" help:"A JSON file with limits of plans that differ from the built-in ones."`

	SMTP     SMTP     `name:"smtp" env:"PUNCTUAL_SMTP" placeholder:"URL" help:"The server that sends mails: smtp://user:password@host:587 (STARTTLS) or smtps://user:password@host:465. By default no mails are sent."`
	MailFrom MailFrom `env:"PUNCTUAL_MAIL_FROM" placeholder:"ADDRESS" help:"The sender of mails, such as Punctual <cron@example.com>."`

	Serve     ServeConfig     `cmd:"" help:"Run the service."`
	LoginLink LoginLinkConfig `cmd:"" help:"Print a link that works once, for an hour: it sets up the first sign-in or, once somebody can sign in, sets a new password for the operator or the person of --email."`
	Account   AccountConfig   `cmd:"" help:"Manage accounts. These commands can be used while the service runs."`
	Person    PersonConfig    `cmd:"" help:"Manage the people who sign in. These commands can be used while the service runs."`
	APIKey    APIKeyConfig    `cmd:"" name:"apikey" help:"Manage API keys. These commands can be used while the service runs."`
	Backup    struct {
		File string `arg:"" help:"The file to write; it must not exist."`
	} `cmd:"" help:"Write a copy of the SQLite database to a file, also while the service runs."`
	Move      MoveConfig `cmd:"" help:"Copy everything to a database of the other kind, from SQLite to PostgreSQL or back, while no service runs on either. The source is left as it is. A move that was interrupted is repeated with the same command."`
	SecretKey struct {
		New    struct{} `cmd:"" help:"Print a new key, for PUNCTUAL_SECRET_KEY or the file secret.key of several machines."`
		Rotate struct{} `cmd:"" help:"Encrypt all secrets anew with another key, also while the service runs. The key is made and put into the file secret.key, unless a newer one than the key in use is there."`
	} `cmd:"" name:"key" help:"Make and change the key that encrypts secrets."`
	Nodes NodesConfig `cmd:"" help:"List, drain and resume the nodes that share the database. These commands can be used while the service runs."`
	Mail  struct {
		Test struct {
			Address string `arg:"" help:"Who receives the mail."`
		} `cmd:"" help:"Send a test mail."`
	} `cmd:"" help:"Check that mails can be sent."`
	Version struct{} `cmd:"" help:"Print the version."`
}

// ServeConfig has the flags of serve.
type ServeConfig struct {
	Node             string        `env:"PUNCTUAL_NODE" placeholder:"NAME" help:"The name of this node in lists and logs; by default that of the machine."`
	Role             NodeRole      `default:"all" enum:"all,api,worker" env:"PUNCTUAL_ROLE" placeholder:"ROLE" help:"What this node does: api serves the API, the console and status pages, worker runs jobs and sends notifications, all does both. api and worker need --database."`
	Listen           string        `default:"127.0.0.1:8080" env:"PUNCTUAL_LISTEN" placeholder:"HOST:PORT" help:"Address of the API and the console."`
	PublicURL        PublicURL     `name:"public-url" env:"PUNCTUAL_PUBLIC_URL" placeholder:"URL" help:"Scheme and host at which clients reach the service, such as https://cron.example.com; used in links. By default the first host of --acme, or the address of --listen."`
	OperationsListen string        `env:"PUNCTUAL_OPERATIONS_LISTEN" placeholder:"HOST:PORT" help:"Address of a separate listener for metrics, profiles and readiness details. By default --listen serves them, to clients on the same machine only."`
	Pprof            bool          `env:"PUNCTUAL_PPROF" help:"Serve Go profiles at /debug/pprof/, wherever metrics are served."`
	LogFormat        string        `default:"text" enum:"text,json" env:"PUNCTUAL_LOG_FORMAT" placeholder:"FORMAT" help:"Format of the log: text or json."`
	LogLevel         string        `default:"info" enum:"debug,info,warn,error" env:"PUNCTUAL_LOG_LEVEL" placeholder:"LEVEL" help:"The lowest level that is logged: debug, info, warn or error."`
	SignUp           SignUp        `name:"signup" default:"closed" enum:"closed,open" env:"PUNCTUAL_SIGNUP" placeholder:"WHO" help:"Who can create an account: closed for people who are invited only, or open for everybody (needs --smtp and --public-url)."`
	OIDC             string        `name:"oidc" env:"PUNCTUAL_OIDC" placeholder:"FILE" help:"A JSON file with the OpenID Connect issuers by which people can sign in."`
	SessionIdle      time.Duration `default:"14d" env:"PUNCTUAL_SESSION_IDLE" help:"How long a sign-in lasts without use."`
	SessionLifetime  time.Duration `default:"90d" env:"PUNCTUAL_SESSION_LIFETIME" help:"How long a sign-in lasts at most."`
	AuditRetention   time.Duration `default:"365d" env:"PUNCTUAL_AUDIT_RETENTION" help:"How long the audit log is kept."`
	Drain            time.Duration `default:"30s" env:"PUNCTUAL_DRAIN" help:"How long the service waits for executions in flight when it stops."`

	BackupDir   string        `env:"PUNCTUAL_BACKUP_DIR" placeholder:"DIR" help:"Directory of scheduled backups of the SQLite database, which no other service uses; by default none are made."`
	BackupEvery time.Duration `default:"24h" env:"PUNCTUAL_BACKUP_EVERY" help:"How much time lies between two scheduled backups."`
	BackupKeep  int           `default:"7" env:"PUNCTUAL_BACKUP_KEEP" help:"How many scheduled backups are kept."`

	TLSConfig `embed:""`

	Slots     int `default:"2000" env:"PUNCTUAL_SLOTS" help:"How many executions may be in flight at once."`
	HostSlots int `default:"500" env:"PUNCTUAL_HOST_SLOTS" help:"How many executions may be in flight to one host and port."`

	Zoneinfo string `env:"PUNCTUAL_ZONEINFO" placeholder:"PATH" help:"Time zone data: a directory such as /usr/share/zoneinfo, or a zip file; used if it is newer than the built-in data."`

	AllowTargets []netip.Prefix `env:"PUNCTUAL_ALLOW_TARGETS" placeholder:"ADDRESS" help:"Private or special-purpose addresses or ranges that the jobs of every account may call, such as 169.254.7.0/24; not metadata services of cloud providers or the service itself."`
	DenyTargets  []netip.Prefix `env:"PUNCTUAL_DENY_TARGETS" placeholder:"ADDRESS" help:"Addresses or ranges that jobs may not call, such as 10.0.0.0/8."`

	EgressConfig `embed:""`

	TrustedProxies    []netip.Prefix `env:"PUNCTUAL_TRUSTED_PROXIES" placeholder:"ADDRESS" help:"Addresses or ranges of proxies whose headers X-Forwarded-For and X-Forwarded-Proto are trusted, such as 10.0.0.0/8."`
	ExecutorAddresses []netip.Addr   `env:"PUNCTUAL_EXECUTOR_ADDRESSES" placeholder:"ADDRESS" help:"Addresses that /executor-nodes.json lists; by default those of --egress-source, or of the machine."`
}

// SignUp is who can create an account: closed or open.
type SignUp string

// MoveConfig has the flags of move.
type MoveConfig struct {
	From    Location `required:"" env:"PUNCTUAL_MOVE_FROM" placeholder:"DATABASE" help:"The source: sqlite:DIR with its data directory, or a postgres:// URL."`
	To      Location `required:"" env:"PUNCTUAL_MOVE_TO" placeholder:"DATABASE" help:"The target, of the other kind, which holds no database yet or an interrupted move: sqlite:DIR or a postgres:// URL."`
	FromKey string   `env:"PUNCTUAL_MOVE_FROM_KEY" placeholder:"BASE64" help:"The key of the source; by default that of --key, or the file secret.key in DIR or, for PostgreSQL, in the directory of --data."`
	ToKey   string   `env:"PUNCTUAL_MOVE_TO_KEY" placeholder:"BASE64" help:"The key of the target, which all secrets are encrypted with; by default the file secret.key in DIR, or else the key of the source."`
}

// LoginLinkConfig has the flags of login-link.
type LoginLinkConfig struct {
	Email     string    `placeholder:"EMAIL" help:"Who gets the link; by default the first operator."`
	PublicURL PublicURL `name:"public-url" env:"PUNCTUAL_PUBLIC_URL" placeholder:"URL" help:"Scheme and host at which the link begins; by default those at which the service was started last."`
}

// PersonConfig has the flags and arguments of the commands about people.
type PersonConfig struct {
	List   struct{} `cmd:"" help:"List the people."`
	Invite struct {
		Email     string    `arg:"" help:"The e-mail address of the person."`
		Account   string    `placeholder:"ACCOUNT" help:"The e-mail address or the number of the account; by default the operator's."`
		Role      Role      `default:"viewer" enum:"viewer,editor,owner" placeholder:"ROLE" help:"What the person may do in the account: viewer, editor or owner."`
		PublicURL PublicURL `name:"public-url" env:"PUNCTUAL_PUBLIC_URL" placeholder:"URL" help:"Scheme and host at which the link begins; by default those at which the service was started last."`
	} `cmd:"" help:"Print a link by which a person joins an account, or mail it with --smtp and --public-url; it works once, for 7 days."`
	Disable  EmailArg `cmd:"" help:"Keep a person from signing in, and end all sessions."`
	Enable   EmailArg `cmd:"" help:"Let a person sign in again."`
	Operator struct {
		Email  string `arg:"" help:"The e-mail address of the person."`
		Switch Switch `arg:"" enum:"on,off" help:"Whether the person is an operator of the service: on or off."`
	} `cmd:"" help:"Make a person an operator of the service, or end that."`
}

// AccountConfig has the flags and arguments of the account commands.
type AccountConfig struct {
	Create struct {
		Email string `arg:"" help:"The e-mail address of the account."`
		Plan  string `default:"default" help:"The plan of the account."`

		PrivateNetworks Switch `default:"on" enum:"on,off" help:"Whether the jobs of the account may call private networks and this machine: on, or off for public addresses only."`
	} `cmd:"" help:"Create an account."`
	List    struct{} `cmd:"" help:"List the accounts."`
	SetPlan struct {
		Account string           `arg:"" help:"The e-mail address or the number of the account."`
		Plan    string           `arg:"" help:"The new plan."`
		Set     map[string]int64 `placeholder:"LIMIT=VALUE" help:"A limit that differs from the plan for this account, such as maxJobs=100. Limits set earlier are removed."`

		PrivateNetworks Switch `default:"keep" enum:"on,off,keep" help:"Whether the jobs of the account may call private networks and this machine: on, off for public addresses only, or keep to leave it unchanged."`
	} `cmd:"" name:"set-plan" help:"Change the plan and the limits of an account."`
	Disable AccountArg `cmd:"" help:"Disable an account; its API keys and jobs stop working."`
	Enable  AccountArg `cmd:"" help:"Enable an account again."`
	Delete  struct {
		Account string `arg:"" help:"The e-mail address or the number of the account."`
		Now     bool   `help:"Delete it at once."`
		Later   bool   `help:"Stop its jobs and delete it in 7 days; account restore takes that back."`
	} `cmd:"" help:"Delete an account with its jobs, keys and history; asks whether at once or in 7 days."`
	Restore AccountArg `cmd:"" help:"Keep an account that was to be deleted."`
	Export  struct {
		Account string `arg:"" help:"The e-mail address or the number of the account."`
		File    string `arg:"" help:"The file to write, which must not exist, or - for standard output."`
	} `cmd:"" help:"Write all data of an account but secrets to a JSON file."`
}

// NodesConfig has the arguments of the commands about nodes.
type NodesConfig struct {
	List   struct{} `cmd:"" default:"1" help:"List the nodes, those that are alive first."`
	Drain  NodeArg  `cmd:"" help:"Make a node finish what runs and start nothing more, until it is resumed or started again."`
	Resume NodeArg  `cmd:"" help:"Make a drained node run jobs again."`
}

// NodeArg names a node.
type NodeArg struct {
	Node string `arg:"" help:"The name of the node, or its epoch if several have the name."`
}

// AccountArg names an account.
type AccountArg struct {
	Account string `arg:"" help:"The e-mail address or the number of the account."`
}

// Switch is on, off, or keep to leave the setting unchanged.
type Switch string

// Role is viewer, editor or owner.
type Role string

// EmailArg names a person.
type EmailArg struct {
	Email string `arg:"" help:"The e-mail address of the person."`
}

// APIKeyConfig has the flags and arguments of the API key commands.
type APIKeyConfig struct {
	Create struct {
		Account   string         `placeholder:"ACCOUNT" help:"The e-mail address or the number of the account of the key; by default the operator's."`
		Title     string         `default:"created on the command line" help:"What the key is for."`
		ReadOnly  bool           `help:"The key may read, but not change anything."`
		Operator  bool           `help:"The key may also manage all accounts of the service, and read the audit log of all."`
		Expires   Expiry         `placeholder:"TIME" help:"When the key expires: after a time such as 12h, 30d or 2w, or at a date such as 2030-12-31 (UTC). By default it never expires."`
		AllowFrom []netip.Prefix `placeholder:"ADDRESS" help:"Addresses or ranges that may use the key, such as 192.0.2.7 or 2001:db8::/32; by default any address."`
	} `cmd:"" help:"Create an API key and print it on a line of its own."`
	List struct {
		Account string `placeholder:"ACCOUNT" help:"The e-mail address or the number of the account whose keys are listed; by default the operator's."`
	} `cmd:"" help:"List the API keys of an account."`
	Revoke struct {
		ID      int64  `arg:"" help:"The number of the key, as list shows it."`
		Account string `placeholder:"ACCOUNT" help:"The e-mail address or the number of the account of the key; by default the operator's."`
	} `cmd:"" help:"Revoke an API key."`
}

// ErrDone says that Parse has done everything, such as printing the help.
var ErrDone = errors.New("done")

// Parse reads the arguments, without the program's name, and the environment. Help goes to stdout. The error is ErrDone
// when nothing is left to do, and otherwise a sentence for the user.
func Parse(args []string, stdout io.Writer) (Config, error) {
	var c Config
	done := false
	parser, err := kong.New(&c, append(values(),
		kong.Name("punctual"),
		kong.Description("Punctual calls URLs on time: a self-hosted HTTP cron service."),
		kong.Writers(stdout, stdout),
		kong.Exit(func(int) { done = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)...)
	if err != nil {
		return c, fmt.Errorf("read the description of the command line: %w", err)
	}
	for _, node := range append([]*kong.Node{parser.Model.Node}, parser.Model.Leaves(false)...) {
		ignoreEmptyVariables(node.Flags, os.LookupEnv)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if done {
		return c, ErrDone
	}
	if err != nil {
		return c, fmt.Errorf("%s See punctual --help for commands and flags", reword(err))
	}
	c.Command = Command(parsed.Command())
	return c, c.check()
}

// check reports values that the types of the flags allow but the program does not.
func (c *Config) check() error {
	s := &c.Serve
	if c.Command == Serve {
		switch {
		case s.Node != "" && !IsNodeName(s.Node):
			return fmt.Errorf("--node is %q, but must be up to 253 letters, digits, hyphens, dots and underscores, begin with a letter or "+
				"a digit and not consist of digits only, such as web-1", s.Node)
		case s.Role != "all" && c.Database == "":
			return fmt.Errorf("--role %s needs --database with a postgres:// URL: only one service can use a SQLite database, so it must do everything", s.Role)
		case !isHostPort(s.Listen):
			return fmt.Errorf("--listen is %q, but must be HOST:PORT, such as 127.0.0.1:8080", s.Listen)
		case s.OperationsListen != "" && !isHostPort(s.OperationsListen):
			return fmt.Errorf("--operations-listen is %q, but must be HOST:PORT, such as 127.0.0.1:8081", s.OperationsListen)
		case s.Slots < 1:
			return fmt.Errorf("--slots is %d, but must be at least 1", s.Slots)
		case s.HostSlots < 1:
			return fmt.Errorf("--host-slots is %d, but must be at least 1", s.HostSlots)
		case s.SignUp == "open" && (c.SMTP.Host == "" || s.PublicURL == ""):
			return errors.New("--signup open needs --smtp, --mail-from and --public-url: the link that confirms an address goes out by mail")
		case s.SessionIdle < time.Minute:
			return fmt.Errorf("--session-idle is %s, but must be at least 1m", s.SessionIdle)
		case s.SessionLifetime < time.Minute:
			return fmt.Errorf("--session-lifetime is %s, but must be at least 1m", s.SessionLifetime)
		case s.AuditRetention < 24*time.Hour:
			return fmt.Errorf("--audit-retention is %s, but must be at least 1d", s.AuditRetention)
		case s.Drain < 0:
			return fmt.Errorf("--drain is %s, but must not be negative", s.Drain)
		case s.BackupEvery < time.Minute:
			return fmt.Errorf("--backup-every is %s, but must be at least 1m", s.BackupEvery)
		case s.BackupKeep < 1:
			return fmt.Errorf("--backup-keep is %d, but must be at least 1", s.BackupKeep)
		case s.BackupDir != "" && c.Database != "":
			return errors.New("--backup-dir is for SQLite, and --database names PostgreSQL; back that up with its own tools, such as pg_basebackup or pg_dump")
		}
		if err := s.TLSConfig.check(s.PublicURL); err != nil {
			return err
		}
		if err := s.EgressConfig.check(); err != nil {
			return err
		}
	}
	if m := &c.Move; c.Command == Move && (m.From.URL == "") == (m.To.URL == "") {
		return errors.New("move needs one SQLite database, as sqlite:DIR, and one PostgreSQL database, as postgres://user:password@host:5432/name")
	}
	if k := &c.APIKey.Create; k.Operator && k.ReadOnly {
		return errors.New("apikey create has either --operator or --read-only, not both: an operator's key needs all rights")
	}
	if d := &c.Account.Delete; d.Now && d.Later {
		return errors.New("account delete has either --now or --later, not both")
	}
	switch mail := c.SMTP.Host != ""; {
	case mail && c.MailFrom == "":
		return errors.New("--smtp needs --mail-from, the address that mails come from, such as cron@example.com")
	case !mail && c.MailFrom != "":
		return errors.New("--mail-from needs --smtp, the server that sends the mails")
	case !mail && c.Command == MailTest:
		return errors.New("mail test needs --smtp and --mail-from, as serve has them")
	}
	return c.checkDatabase()
}

// checkDatabase reports what is wrong with the flags about PostgreSQL.
func (c *Config) checkDatabase() error {
	switch {
	case c.Database != "" && !isPostgres(c.Database):
		return errors.New("--database must be a URL such as postgres://user:password@host:5432/name")
	case c.DatabaseDirect != "" && !isPostgres(c.DatabaseDirect):
		return errors.New("--database-direct must be a URL such as postgres://user:password@host:5432/name")
	case c.DatabaseDirect != "" && c.Database == "":
		return errors.New("--database-direct needs --database, the URL that leads to a connection pooler")
	case c.DatabaseConnections != 0 && (c.DatabaseConnections < 4 || c.DatabaseConnections > 1000):
		return fmt.Errorf("--database-connections is %d, but must be from 4 to 1000", c.DatabaseConnections)
	}
	return nil
}

// isHostPort tells whether a text may be an address to listen on.
func isHostPort(text string) bool {
	host, port, err := net.SplitHostPort(text)
	return err == nil && port != "" && !strings.ContainsAny(host, "/ ")
}

// PlanNumbers reads the file of Config.Plans: a JSON object with an object of limits for each plan. It returns nothing
// when no file is configured.
func (c *Config) PlanNumbers() (map[string]map[string]int64, error) {
	if c.Plans == "" {
		return nil, nil
	}
	text, err := os.ReadFile(c.Plans)
	if err != nil {
		return nil, fmt.Errorf("read the plans: %w", err)
	}
	var numbers map[string]map[string]int64
	if err := json.Unmarshal(text, &numbers); err != nil {
		return nil, fmt.Errorf("the file %s of --plans must hold a JSON object of plans, each an object of whole numbers, "+
			`such as {"default": {"maxJobs": 1000}}`, c.Plans)
	}
	return numbers, nil
}
