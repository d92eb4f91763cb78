package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"punctual/internal/cron"
)

// Connections to PostgreSQL are made here, to whichever of its servers takes writes.
//
//	Connect ── within the pause after a failure? ──▶ fails at once
//	  └─▶ each host of the URL, beginning with the one that worked last
//	        ├─ takes writes ──▶ used
//	        └─ read-only ─────▶ noted; used when no host takes writes, and for readOnlyAge only
//
// A statement that fails since the server has become read-only makes every connection from before it be closed before its next
// use. The pause grows up to longestPause and has jitter, so that many nodes do not return in step; connections of the lease are
// made without it.
//
// A pooler such as PgBouncer hands the connections to the server out anew, by default for each transaction. It refuses or ignores
// what belongs to a session: settings in the startup message, and prepared statements. Behind one, settings are made in each
// transaction, statements are sent without a name, and only the connection of Options.DirectURL listens and migrates.

const (
	// readOnlyAge is how long a connection to a read-only server is used before another server is looked for.
	readOnlyAge = time.Second
	// shortestPause and longestPause bound the pause after a connection could not be made. A third of it is random.
	shortestPause, longestPause = 100 * time.Millisecond, 2 * time.Second
	// connectTimeout is how long one host may take, and hostTimeout where there are several, unless the URL says so.
	connectTimeout, hostTimeout = 10 * time.Second, 3 * time.Second
	// oldestServer is the oldest version of PostgreSQL that the statements are written for.
	oldestServer = 15
	// directSetting is a setting in our startup message that no server knows. A pooler does not pass it on.
	directSetting = "punctual.direct"
)

// The errors of Open for a PostgreSQL database that cannot be used as it is.
var (
	ErrOldServer      = errors.New("the PostgreSQL server is too old")
	ErrFewConnections = errors.New("PostgreSQL allows too few connections")
	ErrPooler         = errors.New("the connection pooler refuses what the service needs")
	errReadOnlyServer = errors.New("the server takes no writes")
)

// parsePostgres reads a URL. The error wraps ErrBadURL, and the error of a file that the URL names; nothing else of the cause, which may
// contain the password.
func parsePostgres(address string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(address)
	if file, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, fmt.Errorf("read a file that the URL of the database names: %w", file)
	}
	if err != nil {
		return nil, ErrBadURL
	}
	return config, nil
}

// session is how the connections of a node to a database are set up.
type session struct {
	given   map[string]string // settings in the URL, which take precedence
	version int               // of the server, such as 15
	pooled  bool              // a pooler is between
	shared  bool              // it hands out the server's connections for each transaction
	limit   int               // how many connections the database allows our role
	durable bool              // synchronous_commit is on, or what stands in for it with standbys
}

// settings are what the sessions of a class need, whatever the server, the database or the role have set.
func (s *session) settings(c class) map[string]string {
	set := map[string]string{
		// A node that is suspended during a claim holds the lock on its own row, so others could never declare it dead.
		idleTimeout: strconv.FormatInt(cron.Lease.Milliseconds(), 10),
		// Calls have their own limits, and idle connections are kept.
		"statement_timeout": "0", "lock_timeout": "0", "idle_session_timeout": "0",
		"default_transaction_isolation": "read committed",
		// The server frees what a node holds that is cut off from it.
		"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3",
	}
	if s.version >= 17 {
		set["transaction_timeout"] = "0"
	}
	if !s.durable {
		set["synchronous_commit"] = "on" // a launch record has to stand
	}
	switch c {
	case classAccount:
		set["lock_timeout"] = strconv.FormatInt(lockWait.Milliseconds(), 10)
	case classClaim, classResults:
		maps.Copy(set, schedulerSettings)
	}
	for name := range set {
		if value, ok := s.given[name]; ok {
			set[name] = value
		}
	}
	return set
}

// configure sets up connections of a class.
func (s *session) configure(config *pgx.ConnConfig, c class) *pgx.ConnConfig {
	config = config.Copy()
	if s.pooled {
		if config.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement {
			config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
		}
		for name := range s.settings(c) {
			delete(config.RuntimeParams, name) // local has them
		}
		return config
	}
	maps.Copy(config.RuntimeParams, s.settings(c))
	return config
}

// local are statements that make the settings of a class for one transaction; empty where its session has them.
func (s *session) local(c class) string {
	if !s.pooled {
		return ""
	}
	var b strings.Builder
	set := s.settings(c)
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if strings.HasPrefix(name, "tcp_") || strings.HasPrefix(name, "default_") || name == "idle_session_timeout" {
			continue // of no use within a transaction, or about the pooler's own connection
		}
		fmt.Fprintf(&b, "SET LOCAL %s = '%s'; ", name, strings.ReplaceAll(set[name], "'", "''"))
	}
	return b.String()
}

// link connects to the servers of one URL.
type link struct {
	hosts  []*pgx.ConnConfig // one for each host
	any    bool              // read-only servers are used when there is no other: the URL does not say which are wanted
	logger *slog.Logger

	first      atomic.Int64 // the host to begin with
	generation atomic.Int64 // raised when the connections made before are not to be used any more
	readOnly   atomic.Bool  // the last connection is to a read-only server
	pause      pause
}

// newLink makes the link of a URL.
func newLink(address string, logger *slog.Logger) (*link, error) {
	config, err := parsePostgres(address)
	if err != nil {
		return nil, err
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "punctual"
	}
	l := &link{any: config.ValidateConnect == nil, logger: logger}
	config.DialFunc = dialPostgres
	l.hosts = oneForEachHost(config)
	for _, host := range l.hosts {
		if host.ConnectTimeout == 0 {
			host.ConnectTimeout = connectTimeout
			if len(l.hosts) > 1 {
				host.ConnectTimeout = hostTimeout
			}
		}
	}
	return l, nil
}

// oneForEachHost divides a configuration by host. Several entries of one host are its ways to use TLS.
func oneForEachHost(config *pgx.ConnConfig) (hosts []*pgx.ConnConfig) {
	ways := append([]*pgconn.FallbackConfig{{Host: config.Host, Port: config.Port, TLSConfig: config.TLSConfig}}, config.Fallbacks...)
	for len(ways) > 0 {
		n := 1
		for n < len(ways) && ways[n].Host == ways[0].Host && ways[n].Port == ways[0].Port {
			n++
		}
		host := config.Copy()
		host.Host, host.Port, host.TLSConfig, host.Fallbacks = ways[0].Host, ways[0].Port, ways[0].TLSConfig, ways[1:n]
		hosts, ways = append(hosts, host), ways[n:]
	}
	return hosts
}

// Keys of what is noted with a connection.
const (
	noteGeneration = "generation"
	noteReadOnly   = "read-only since"
)

// dialer makes connections of one class. It is a driver.Connector.
type dialer struct {
	link    *link
	session *session
	class   class
	shrink  func() bool // makes do with the connections that the pool has; false when it has none
}

var _ driver.Connector = (*dialer)(nil)

// Driver implements driver.Connector.
func (d *dialer) Driver() driver.Driver { return stdlib.GetDefaultDriver() }

// Connect implements driver.Connector.
func (d *dialer) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := d.connect(ctx)
	// A pooler that has none left lets its clients wait.
	waits := d.session.pooled && errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil && !unreached(err)
	if (waits || noConnectionLeft(err)) && d.shrink != nil && d.shrink() {
		return nil, errors.Join(driver.ErrBadConn, err) // package database/sql tries again, and waits for one of the others
	}
	return conn, err
}

func (d *dialer) connect(ctx context.Context) (driver.Conn, error) {
	if d.class != classLease {
		if err := d.link.pause.over(); err != nil {
			return nil, err
		}
	}
	conn, err := d.link.connect(ctx, d.reset, func(host *pgx.ConnConfig) *pgx.ConnConfig { return d.session.configure(host, d.class) })
	switch {
	case err == nil:
		d.link.pause.end()
	case ctx.Err() == nil: // a caller whose time is over says nothing about the database
		d.link.pause.begin(err)
	}
	return conn, err
}

// reset is called before a connection is used again.
func (d *dialer) reset(_ context.Context, conn *pgx.Conn) error {
	notes := conn.PgConn().CustomData()
	if notes[noteGeneration] != d.link.generation.Load() {
		return driver.ErrBadConn
	}
	if since, ok := notes[noteReadOnly].(time.Time); ok && time.Since(since) > readOnlyAge {
		return driver.ErrBadConn
	}
	return nil
}

// connect connects to the first host that takes writes; if there is none, to a read-only one.
func (l *link) connect(ctx context.Context, reset func(context.Context, *pgx.Conn) error, configure func(*pgx.ConnConfig) *pgx.ConnConfig) (
	driver.Conn, error) {
	generation, first := l.generation.Load(), int(l.first.Load())
	var failures []error
	readable := -1
	try := func(at int, lenient bool) (driver.Conn, error) {
		config := configure(l.hosts[at])
		if l.any {
			config.ValidateConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
				readOnly, err := isReadOnly(ctx, conn)
				if err == nil && readOnly && !lenient {
					err = errReadOnlyServer
				}
				if readOnly {
					conn.CustomData()[noteReadOnly] = time.Now()
				}
				return err
			}
		}
		c, err := stdlib.GetConnector(*config, stdlib.OptionResetSession(reset)).Connect(ctx)
		if err == nil {
			c.(*stdlib.Conn).Conn().PgConn().CustomData()[noteGeneration] = generation
			l.tell(config, lenient)
		}
		return c, err
	}
	for i := range l.hosts {
		at := (first + i) % len(l.hosts)
		conn, err := try(at, false)
		if err == nil {
			l.first.Store(int64(at))
			return conn, nil
		}
		failures = append(failures, err)
		// Whoever comes next does not wait for this host first.
		l.first.CompareAndSwap(int64(at), int64((at+1)%len(l.hosts)))
		if errors.Is(err, errReadOnlyServer) && readable < 0 {
			readable = at
		}
		if ctx.Err() != nil {
			break
		}
	}
	if readable >= 0 && ctx.Err() == nil {
		conn, err := try(readable, true)
		if err == nil {
			return conn, nil
		}
		failures = append(failures, err)
	}
	return nil, errors.Join(failures...)
}

// tell logs when the servers become read-only, and when one takes writes again.
func (l *link) tell(config *pgx.ConnConfig, readOnly bool) {
	if l.readOnly.Swap(readOnly) == readOnly || l.logger == nil {
		return
	}
	server := slog.String("server", pgAddress(config))
	if readOnly {
		l.logger.Warn("the database takes no writes: the server is a standby or read-only; looking for one that does, each second", server)
		return
	}
	l.logger.Info("connected to a database server that takes writes", server)
}

func pgAddress(config *pgx.ConnConfig) string {
	_, address := pgconn.NetworkAddress(config.Host, config.Port)
	return address
}

// isReadOnly asks a server whether it refuses writes, as a standby.
func isReadOnly(ctx context.Context, conn *pgconn.PgConn) (is bool, err error) {
	results, err := conn.Exec(ctx, `SHOW transaction_read_only`).ReadAll()
	if err != nil {
		return false, err
	}
	return string(results[0].Rows[0][0]) == "on", nil
}

// forsake makes all connections be closed before their next use when err says that the server does not take writes.
func (l *link) forsake(err error) {
	if sqlState(err) == readOnlyTransaction {
		l.generation.Add(1)
	}
}

// noConnectionLeft tells whether a server or a pooler has no connection left for us.
func noConnectionLeft(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == tooManyConnections || e.Code == protocolViolation &&
		(strings.Contains(e.Message, "no more connections allowed") || strings.Contains(e.Message, "query_wait_timeout")))
}

// unreached tells whether not even a connection to the host of the database was made.
func unreached(err error) bool {
	network, ok := errors.AsType[*net.OpError](err)
	return ok && network.Op == "dial"
}

// pause keeps a node from connecting again and again while it cannot.
type pause struct {
	mu     sync.Mutex
	until  time.Time
	length time.Duration
	err    error // of the last attempt
}

// over returns the error of the last attempt while the pause lasts.
func (p *pause) over() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Now().Before(p.until) {
		return fmt.Errorf("the database is not asked again yet, since: %w", p.err)
	}
	return nil
}

// begin begins a pause after an attempt that failed; those that fail meanwhile do not lengthen it.
func (p *pause) begin(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
	if now := time.Now(); now.After(p.until) {
		p.length = min(max(2*p.length, shortestPause), longestPause)
		p.until = now.Add(p.length - rand.N(p.length/3))
	}
}

// end ends the pause, since a connection was made.
func (p *pause) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until, p.length, p.err = time.Time{}, 0, nil
}

// ask finds out how the connections of a link have to be set up.
func (l *link) ask(ctx context.Context) (*session, error) {
	s := &session{given: l.hosts[0].RuntimeParams, durable: true}
	conn, err := l.single(ctx, func(host *pgx.ConnConfig) *pgx.ConnConfig {
		config := s.configure(host, classUpkeep)
		config.RuntimeParams[directSetting] = "on"
		config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe // a pooler may ignore the settings, and hand out connections in turn
		return config
	})
	if refusesParameter(err) {
		s.pooled = true
		conn, err = l.single(ctx, func(host *pgx.ConnConfig) *pgx.ConnConfig { return s.configure(host, classUpkeep) })
	}
	if err != nil {
		return nil, connectError(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	var direct bool
	err = conn.QueryRow(ctx,
		`SELECT current_setting('server_version_num')::int / 10000, current_setting('synchronous_commit') <> 'off',
			coalesce(current_setting('`+directSetting+`', true) = 'on', false),
			least(current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
				- coalesce(current_setting('reserved_connections', true)::int, 0), nullif(datconnlimit, -1), nullif(rolconnlimit, -1))
		 FROM pg_database, pg_roles WHERE datname = current_database() AND rolname = current_user`).Scan(&s.version, &s.durable, &direct, &s.limit)
	if err != nil {
		return nil, fmt.Errorf("read the settings of the database: %w", err)
	}
	if s.version < oldestServer {
		return nil, fmt.Errorf("%w: it has version %d", ErrOldServer, s.version)
	}
	if s.pooled = s.pooled || !direct; s.pooled {
		other, err := l.single(ctx, func(host *pgx.ConnConfig) *pgx.ConnConfig { return s.configure(host, classUpkeep) })
		if err != nil {
			return nil, connectError(err)
		}
		defer func() { _ = other.Close(ctx) }()
		if s.shared, err = takeTurns(ctx, conn, other); err != nil {
			return nil, connectError(err)
		}
	}
	return s, nil
}

// single connects outside of the pools.
func (l *link) single(ctx context.Context, configure func(*pgx.ConnConfig) *pgx.ConnConfig) (*pgx.Conn, error) {
	conn, err := l.connect(ctx, func(context.Context, *pgx.Conn) error { return nil }, configure)
	if err != nil {
		return nil, err
	}
	return conn.(*stdlib.Conn).Conn(), nil
}

// takeTurns tells whether two connections to a pooler use the same connection to the server in turn, or one changes it.
func takeTurns(ctx context.Context, a, b *pgx.Conn) (bool, error) {
	backend := func(c *pgx.Conn) (pid int, err error) {
		err = c.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&pid)
		return pid, err
	}
	for range 3 { // others use the pooler, too
		before, err := backend(a)
		if err != nil {
			return false, err
		}
		if _, err := b.Exec(ctx, `BEGIN`); err != nil {
			return false, err
		}
		other, err := backend(b)
		if err != nil {
			return false, err
		}
		after, err := backend(a)
		if err != nil {
			return false, err
		}
		if _, err := b.Exec(ctx, `ROLLBACK`); err != nil {
			return false, err
		}
		if before == other || before != after {
			return true, nil
		}
	}
	return false, nil
}

// refusesParameter tells whether a pooler refuses a setting in the startup message.
func refusesParameter(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == protocolViolation && strings.Contains(e.Message, "startup parameter")
}

// connectError tells what a pooler or an old server refuses.
func connectError(err error) error {
	e, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case !ok:
	case refusesParameter(err), e.Code == protocolViolation && strings.Contains(e.Message, "statement pooling"):
		return &PoolerError{e.Message}
	case e.Code == undefinedObject && strings.Contains(e.Message, "idle_session_timeout"):
		return fmt.Errorf("%w: it has version 13 or older", ErrOldServer)
	}
	return fmt.Errorf("connect: %w", err)
}

// PoolerError is ErrPooler with the words of the pooler.
type PoolerError struct{ Says string }

// Error implements error.
func (e *PoolerError) Error() string { return ErrPooler.Error() + ": " + e.Says }

// Is makes it an ErrPooler.
func (e *PoolerError) Is(target error) bool { return target == ErrPooler }
