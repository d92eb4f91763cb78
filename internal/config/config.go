// Package config reads the command line and the environment.
package config

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// Command is what the program was asked to do.
type Command string

// The commands.
const (
	Serve        Command = "serve"
	APIKeyCreate Command = "apikey create"
	Backup       Command = "backup <file>"
	Version      Command = "version"
)

// Storage says where the data are.
type Storage struct {
	Data     string `default:"./punctual-data" env:"PUNCTUAL_DATA" placeholder:"DIR" help:"Directory for the key of the secrets and the SQLite database; serve makes it when it is missing."`
	Database string `env:"PUNCTUAL_DATABASE" placeholder:"URL" help:"A postgres:// URL; without it SQLite in the data directory is used."`
	Key      string `env:"PUNCTUAL_SECRET_KEY" placeholder:"BASE64" help:"The key that seals secrets, 32 bytes in base64, instead of the file secret.key in the data directory. Nodes of one database need the same."`
}

// Config is the command and all that belongs to it.
type Config struct {
	Command Command `kong:"-"`

	Serve struct {
		Storage
		Listen string        `default:"127.0.0.1:8080" env:"PUNCTUAL_LISTEN" placeholder:"HOST:PORT" help:"Address to listen on."`
		Drain  time.Duration `default:"30s" env:"PUNCTUAL_DRAIN" help:"How long executions in flight may take when the service is told to stop."`

		Slots     int `default:"2000" env:"PUNCTUAL_SLOTS" help:"How many executions may be in flight at once."`
		HostSlots int `default:"500" env:"PUNCTUAL_HOST_SLOTS" help:"How many of them to one host and port."`
	} `cmd:"" help:"Run the service."`

	APIKey struct {
		Create struct {
			Storage
			Account string `placeholder:"EMAIL" help:"The account that the key acts for; without it the operator's."`
			Title   string `default:"created on the command line" help:"What the key is for."`
		} `cmd:"" help:"Create an API key and print it. It works beside a running service."`
	} `cmd:"" name:"apikey" help:"API keys."`

	Backup struct {
		Storage
		File string `arg:"" type:"path" help:"The file to write; it must not exist."`
	} `cmd:"" help:"Write a copy of the SQLite database to a file. It works beside a running service."`

	Version struct{} `cmd:"" help:"Print the version."`
}

// ErrDone says that everything asked for, such as the help, has been printed.
var ErrDone = errors.New("done")

// Parse reads the arguments, without the program's name, and the environment. Help goes to stdout. The error is ErrDone
// when nothing is left to be done, and otherwise a sentence for the user.
func Parse(args []string, stdout io.Writer) (Config, error) {
	var c Config
	done := false
	parser, err := kong.New(&c,
		kong.Name("punctual"),
		kong.Description("Punctual calls URLs on time: a self-hosted HTTP cron service."),
		kong.Writers(stdout, stdout),
		kong.Exit(func(int) { done = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		return c, fmt.Errorf("read the description of the command line: %w", err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if done {
		return c, ErrDone
	}
	if err != nil {
		return c, fmt.Errorf("%w; punctual --help lists commands and flags", err)
	}
	c.Command = Command(parsed.Command())
	return c, c.check()
}

// check reports values that no flag's type rules out.
func (c *Config) check() error {
	var storage Storage
	switch c.Command {
	case APIKeyCreate:
		storage = c.APIKey.Create.Storage
	case Backup:
		storage = c.Backup.Storage
	case Serve:
		storage = c.Serve.Storage
		host, port, err := net.SplitHostPort(c.Serve.Listen)
		if err != nil || port == "" || strings.ContainsAny(host, "/ ") {
			return fmt.Errorf("--listen is %q, but must be HOST:PORT, such as 127.0.0.1:8080", c.Serve.Listen)
		}
		if c.Serve.Slots < 1 {
			return fmt.Errorf("--slots is %d, but must be at least 1", c.Serve.Slots)
		}
		if c.Serve.HostSlots < 1 {
			return fmt.Errorf("--host-slots is %d, but must be at least 1", c.Serve.HostSlots)
		}
		if c.Serve.Drain < 0 {
			return fmt.Errorf("--drain is %s, but must not be negative", c.Serve.Drain)
		}
	}
	if storage.Database != "" {
		u, err := url.Parse(storage.Database)
		if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
			return errors.New("--database must be a URL such as postgres://user:password@host:5432/name")
		}
	}
	return nil
}
