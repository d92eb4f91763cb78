package app

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"punctual/internal/auth"
	"punctual/internal/certificate"
	"punctual/internal/config"
	"punctual/internal/cron"
	"punctual/internal/fetch"
	"punctual/internal/message"
	"punctual/internal/metrics"
	"punctual/internal/notify"
	"punctual/internal/public"
	"punctual/internal/scheduler"
	"punctual/internal/service"
	"punctual/internal/store"
)

// gcPercent lets the heap grow to three times its live part before a collection: during a burst most of the live part
// is the stacks of executions in flight, and scanning them costs more than the memory is worth.
const gcPercent = 200

// node is the running service. Its parts set its fields one after another.
type node struct {
	config  config.Config
	stdout  io.Writer
	logger  *slog.Logger
	metrics *metrics.Metrics
	fail    func() // makes the node stop, after a part has failed

	shares     fileShares
	messages   int // that may be sent at once
	kept       int // connections that may wait for the next request to their host
	listener   net.Listener
	operations net.Listener // nil without --operations-listen
	plain      net.Listener // nil without --http-listen

	files        *certificate.Files // nil without --tls-cert
	roots        *x509.CertPool     // of --acme-root
	acme         *certificate.ACME  // nil without --acme
	certificates certificates       // files or acme; nil without HTTPS

	keys      keySource // of the secrets
	plans     cron.Plans
	issuers   []auth.IssuerConfig
	db        *store.Store
	service   *service.Service
	isSetUp   func(context.Context) (bool, error) // whether somebody can sign in
	answering *probe
	writing   *probe
	egress    egress
	guard     *fetch.Guard
	host      string          // see cron.Listeners
	exchanger *fetch.Client   // of executions and messages
	sender    *notify.Sender  // of messages to channels
	mailer    notify.Mailer   // nil without a mail server
	domains   *public.Domains // of status pages
	backups   *backups        // nil without --backup-dir
	jobs      *scheduler.Scheduler
	manager   serviceManager
	ready     atomic.Bool // all parts have started, and the node is not stopping
}

// serve runs the service until ctx ends.
func serve(ctx context.Context, c config.Config, stdout, stderr io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	n := &node{
		config: c, stdout: stdout, logger: newLogger(logHandler(c.Serve, stderr)), metrics: metrics.New(), fail: cancel,
		manager: findServiceManager(os.Getenv, os.Getpid()),
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	return runParts(ctx, n.logger, n.parts())
}

// parts are the parts of a node. They start in this order and stop in the reverse order: workers stop before the
// scheduler drains, the server answers until the last execution is recorded, and the database is closed last.
func (n *node) parts() []part {
	workers := &runner{n.logger, n.metrics, func() bool { return n.jobs.LateBy() > 0 }}
	ofWorkers := func(known func() worker) func(context.Context) (stop func() error, err error) {
		return n.ifItWorks(workers.part(known))
	}
	return []part{
		{"open files", n.shareFiles},
		{"data directory", n.lockData},
		{"listeners", n.listen},
		{"certificate files", n.readCertificates},
		{"key, plans and issuers", n.load},
		{"egress", n.readEgress},
		{"database", n.openDatabase},
		{"backups", n.prepareBackups},
		{"time zone data", n.agreeOnZones},
		{"service", n.newService},
		{"first account", n.ifItServes(n.firstStart)},
		{"accounts of issuers", n.checkIssuers},
		{"node", n.join},
		{"listeners of all nodes", workers.part(n.learningListeners)},
		{"keys", workers.part(n.refreshing)},
		{"watchdog", workers.part(n.watchdog)},
		{"mail", n.prepareMails},
		{"domains", n.readDomains},
		{"domains", workers.part(n.refreshingDomains)},
		{"certificates by ACME", n.orderCertificates},
		{"certificate", workers.part(n.reloading)},
		{"old certificates", workers.part(n.cleaningCertificates)},
		{"API", n.serveAPI},
		{"plain HTTP", n.servePlain},
		{"operations", n.serveOperations},
		{"scheduler", n.schedule},
		{"messages", n.sendMessages},
		{"subscribers", n.ifItWorks(n.tellSubscribers)},
		{"replanning", ofWorkers(n.replanning)},
		{"statistics", ofWorkers(n.statistics)},
		{"upkeep", ofWorkers(n.upkeep)},
		{"test runs", ofWorkers(n.testRuns)},
		{"actions", ofWorkers(n.actions)},
		{"status pages", ofWorkers(n.statusPages)},
		{"incidents", ofWorkers(n.incidents)},
		{"subscriptions", ofWorkers(n.subscriptions)},
		{"domain checks", ofWorkers(n.checkingDomains)},
		{"operator notices", workers.part(n.watchService)},
		{"backups", workers.part(n.backingUp)},
		{"announcement", n.announce},
	}
}

// role is what the node does.
func (n *node) role() cron.NodeRole { return cron.NodeRole(n.config.Serve.Role) }

// ifItWorks leaves out a part of nodes that do not run jobs, send messages and do upkeep. What such a node serves needs none of them on the
// same node: all of it is rows that other nodes find.
func (n *node) ifItWorks(start func(context.Context) (func() error, error)) func(context.Context) (stop func() error, err error) {
	return only(n.role().Works(), start)
}

// ifItServes leaves out a part of nodes that do not serve the API.
func (n *node) ifItServes(start func(context.Context) (func() error, error)) func(context.Context) (stop func() error, err error) {
	return only(n.role().Serves(), start)
}

func only(wanted bool, start func(context.Context) (func() error, error)) func(context.Context) (stop func() error, err error) {
	if wanted {
		return start
	}
	return func(context.Context) (stop func() error, err error) { return nil, nil }
}

func (n *node) shareFiles(context.Context) (stop func() error, err error) {
	n.shares, err = shareFiles(openFiles(), n.config.Serve.Slots)
	n.messages = n.shares.shareMessages()
	n.kept = n.shares.shareKept()
	if n.config.Serve.OperationsListen != "" {
		n.shares.connections -= operationsConnections
	}
	if n.config.Serve.HTTPListen != "" {
		n.shares.sharePlain()
	}
	if err == nil && n.shares.slots < n.config.Serve.Slots {
		n.logger.Warn("the operating system allows too few open files for all slots; raise the limit (ulimit -n)",
			slog.Int("files", openFiles()), slog.Int("slots", n.shares.slots))
	}
	return nil, err
}

func (n *node) lockData(context.Context) (stop func() error, err error) {
	return lockData(n.config.Data)
}

// listen binds the ports before anything is written, so that starting a second service by mistake changes nothing.
func (n *node) listen(ctx context.Context) (stop func() error, err error) {
	var taken []net.Listener
	release := func() error { // usually the servers have closed them
		for _, l := range taken {
			_ = l.Close()
		}
		return nil
	}
	o := n.config.Serve
	for _, to := range []struct {
		listener      *net.Listener
		address, flag string
	}{{&n.listener, o.Listen, "--listen"}, {&n.operations, o.OperationsListen, "--operations-listen"}, {&n.plain, o.HTTPListen, "--http-listen"}} {
		if to.address == "" {
			continue
		}
		l, err := listen(ctx, to.address, to.flag)
		if err != nil {
			return nil, errors.Join(err, release())
		}
		*to.listener, taken = l, append(taken, l)
	}
	return release, nil
}

func listen(ctx context.Context, address, flag string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, errors.New(message.Default().PortInUse(address, flag, err))
	}
	return l, nil
}

func (n *node) load(context.Context) (stop func() error, err error) {
	if n.keys, err = findKeys(n.config, true); err != nil {
		return nil, err
	}
	warnOfReaders(n.config.Data, n.logger)
	if n.plans, err = loadPlans(n.config); err != nil {
		return nil, err
	}
	n.issuers, err = auth.ReadIssuers(n.config.Serve.OIDC)
	return nil, err
}

func (n *node) openDatabase(ctx context.Context) (stop func() error, err error) {
	n.db, err = store.Open(ctx, store.Options{
		URL: n.config.Database, Dir: n.config.Data, Keys: n.keys.read, Plans: n.plans, Logger: n.logger,
		DirectURL: n.config.DatabaseDirect, Connections: n.config.DatabaseConnections, AuditKept: n.config.Serve.AuditRetention,
		Clock:      clock(),
		SharePolls: true,
	})
	if err != nil {
		return nil, err
	}
	if err := n.db.CheckWrite(ctx); err != nil {
		return nil, errors.Join(unwritable(err), n.db.Close())
	}
	n.answering = &probe{ask: n.db.Ping, says: "the database does not answer", logger: n.logger}
	n.writing = &probe{ask: n.db.CheckWrite, says: "the database cannot be written", logger: n.logger}
	return func() error {
		n.answering.wait()
		n.writing.wait()
		return n.db.Close()
	}, nil
}

func (n *node) agreeOnZones(ctx context.Context) (stop func() error, err error) {
	if err := agreeOnZones(ctx, n.config, n.db, n.logger); err != nil {
		return nil, unwritable(err)
	}
	return nil, nil
}

// newService puts the use cases together. The guard knows the listeners of this node.
func (n *node) newService(context.Context) (stop func() error, err error) {
	n.isSetUp = remembered(n.db.HasOperator)
	n.guard = &fetch.Guard{
		Own:   []netip.AddrPort{addressOf(n.listener)},
		Allow: n.config.Serve.AllowTargets, Deny: n.config.Serve.DenyTargets, Proxy: n.egress.proxy,
	}
	for _, l := range []net.Listener{n.operations, n.plain} {
		if l != nil {
			n.guard.Own = append(n.guard.Own, addressOf(l))
		}
	}
	n.host = hostID()
	n.exchanger = fetch.New(fetch.Config{
		Guard: n.guard, UserAgent: userAgent(), Logger: n.logger, Kept: n.kept, Slots: n.shares.slots,
		Resolver: n.egress.resolver, MoreCAs: n.egress.cas, Sources: n.egress.sources, Proxy: n.egress.proxy,
	})
	n.countConnections()
	if err := n.newSender(); err != nil {
		return nil, err
	}
	n.service, err = newService(service.Config{
		Store: n.db, Addresses: n.guard, Plans: n.plans, Secret: n.db.ServiceSecret(), Followers: n.shares.connections / 2,
		KeepMails: true, Channels: n.sender, Logger: n.logger,
	}, n.config)
	return func() error {
		n.exchanger.Close()
		return nil
	}, err
}

// countConnections adds the metrics of the connections to targets.
func (n *node) countConnections() {
	counts := n.exchanger.Connections
	n.metrics.Total("target_connections_opened_total", "Connections that executions, test runs and messages have opened.",
		func() float64 { return float64(counts().Opened) })
	n.metrics.Total("target_connections_reused_total", "Requests of executions that were sent over a connection that an earlier one had left open.",
		func() float64 { return float64(counts().Reused) })
	n.metrics.Gauge("target_connections_kept", "Connections that were left open and wait for the next request to their host.",
		func() float64 { return float64(counts().Kept) })
}

// prepareMails does what calls leave behind, such as mails for addresses that may be unknown.
func (n *node) prepareMails(context.Context) (stop func() error, err error) {
	return inBackground(n.service.RunBackground, n.fail), nil
}

func (n *node) firstStart(ctx context.Context) (stop func() error, err error) {
	url := n.consoleURL()
	if err := n.db.SetServiceURL(ctx, url); err != nil {
		return nil, unwritable(err)
	}
	return nil, firstStart(ctx, n.service, n.publicURL(), url, n.stdout)
}

// firstStart gives a new database its operator's account with a key, and prints a link to set up the operator's sign-in
// while nobody is.
func firstStart(ctx context.Context, s *service.Service, publicURL, consoleURL string, stdout io.Writer) error {
	key, err := s.SetUp(ctx, operator())
	if err != nil {
		return err
	}
	token, needed, err := s.SetUpLink(ctx, operator())
	if err != nil {
		return err
	}
	var text string
	if key != "" {
		text = message.Default().FirstStart(publicURL, key)
	}
	if needed {
		text += message.Default().SetUpLink(consoleURL + service.SetupPath + token)
	}
	_, err = io.WriteString(stdout, text)
	return err
}

// consoleURL is where the operator's browser reaches the service.
func (n *node) consoleURL() string {
	return cmp.Or(configuredURL(n.config), localURL(n.scheme(), n.listener.Addr().String()))
}

// join registers the node in the database. The scheduler uses its epoch.
func (n *node) join(ctx context.Context) (stop func() error, err error) {
	if n.jobs, err = n.newScheduler(); err != nil {
		return nil, err
	}
	if err := n.jobs.Join(ctx); err != nil {
		return nil, unwritable(err)
	}
	nodes, err := n.db.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	n.lookAtNodes(nodes)
	return nil, n.learnListeners(ctx) // before anything runs, however long it takes
}

// lookAtNodes warns of what operators may not expect of the nodes.
func (n *node) lookAtNodes(nodes []cron.Node) {
	for i := range nodes {
		if other := &nodes[i]; other.Alive && other.Name == n.jobs.Self.Name && other.Epoch != n.jobs.Epoch() && n.config.Database != "" {
			n.logger.Warn("another node with this name runs, or was killed within the last seconds; give each node a name of its own with --node",
				slog.String("node", other.Name), slog.Int64("epoch", n.jobs.Epoch()), slog.Int64("other_epoch", other.Epoch))
			break
		}
	}
	if cron.WorkingNodes(nodes) == 0 {
		n.logger.Warn("no node runs jobs at present: start one with --role all or worker")
	}
}

func (n *node) schedule(context.Context) (stop func() error, err error) {
	return inBackground(n.jobs.Run, n.fail), nil
}

// announce reports that the service is ready, and later that it stops.
func (n *node) announce(context.Context) (stop func() error, err error) {
	served := []slog.Attr{slog.String("url", n.listenURL()), slog.String("public_url", n.publicURL())}
	if n.operations != nil {
		served = append(served, slog.String("operations_url", urlOf(n.operations)))
	}
	if n.plain != nil {
		served = append(served, slog.String("http_url", urlOf(n.plain)))
	}
	served = append(served, slog.String("node", n.jobs.Self.Name), slog.Int64("epoch", n.jobs.Epoch()), slog.String("role", string(n.jobs.Self.Role)),
		slog.String("version", version()), slog.String("time_zones", cron.CurrentZones().Release()))
	n.logger.LogAttrs(context.Background(), slog.LevelInfo, "serving", served...)
	n.ready.Store(true)
	n.tellManager("READY=1")
	return func() error {
		n.logger.Info("stopping")
		n.ready.Store(false)
		n.tellManager("STOPPING=1", extendTimeout(n.config.Serve.Drain+stopGrace))
		return nil
	}, nil
}

func urlOf(l net.Listener) string { return "http://" + l.Addr().String() }

func addressOf(l net.Listener) netip.AddrPort { return l.Addr().(*net.TCPAddr).AddrPort() }

// unwritable explains why a start cannot write, where the error says so.
func unwritable(err error) error {
	if f := cron.DatabaseFaultOf(err); f != cron.DatabaseOK {
		return errors.New(message.Default().DatabaseUnwritable(f))
	}
	return err
}

// The workers of a node.

func (n *node) upkeep() worker {
	const pause = 200 * time.Millisecond
	return worker{
		name: "upkeep", first: pause, period: 10 * time.Minute, pause: pause, yields: true, step: n.db.Maintain,
		failure: "upkeep of the database failed",
	}
}

// testRuns deletes test runs soon after they have expired, since they show what was sent and received.
func (n *node) testRuns() worker {
	return worker{
		name: "test runs", first: time.Minute, period: time.Minute, pause: 200 * time.Millisecond, step: n.db.PruneTestRuns,
		failure: "expired test runs could not be deleted",
	}
}

func (n *node) statistics() worker {
	const period = 30 * time.Second
	return worker{
		name: "statistics", first: period, period: period, pause: 100 * time.Millisecond, yields: true, step: n.db.RollUp,
		failure: "the statistics could not be brought up to date",
	}
}

// refreshing reads the keys of the secrets again, which a rotation changes.
func (n *node) refreshing() worker {
	const period = 2 * time.Second
	return worker{
		name: "keys", first: period, period: period,
		step:    func(ctx context.Context) (more bool, err error) { return false, n.db.RefreshKeys(ctx) },
		failure: "the keys of the secrets could not be read again; those known stay in use",
	}
}

// replanning plans jobs again after new time zone data. It does not yield to executions, since its jobs may be due. It
// also completes the work of nodes that died.
func (n *node) replanning() worker {
	return worker{
		name: "replanning", period: 10 * time.Minute, step: n.db.Replan,
		failure: "jobs could not be planned by the new time zone data; trying again",
	}
}

// actions works off the changes of many jobs, a chunk with each step.
func (n *node) actions() worker {
	return worker{
		name: "actions", first: time.Second, period: time.Second, pause: 5 * time.Millisecond, yields: true,
		step:    func(ctx context.Context) (more bool, err error) { return n.service.WorkActions(ctx, n.jobs.Epoch()) },
		failure: "an action could not go on; trying again",
	}
}

// statusPages works out the states of the components of status pages: soon after this node has recorded a result of one of their jobs,
// and within two seconds for what other nodes left, and for results that are overdue. It does not yield to executions, since visitors are to
// see a change soon; a step is short, and the database serves executions first.
func (n *node) statusPages() worker {
	return worker{
		name: "status pages", first: time.Second, period: time.Second, pause: 50 * time.Millisecond, wake: n.db.Monitored(), step: n.db.ObserveComponents,
		failure: "the states of components of status pages could not be worked out; trying again",
	}
}

// incidents lets maintenance of status pages begin and end, and makes automatic incidents.
func (n *node) incidents() worker {
	return worker{
		name: "incidents", first: time.Second, period: time.Second, pause: 5 * time.Millisecond, step: n.service.WorkStatusPages,
		failure: "incidents and maintenance of status pages could not go on; trying again",
	}
}

// subscriptions deletes what subscribers of status pages no longer need.
func (n *node) subscriptions() worker {
	const period = time.Minute
	return worker{
		name: "subscriptions", first: period, period: period, pause: 100 * time.Millisecond, yields: true, step: n.db.PruneSubscribers,
		failure: "subscriptions that nobody confirmed could not be deleted",
	}
}
