package service

import (
	"crypto/hmac"
	"crypto/sha256"
	"log/slog"
	"net"
	"strings"

	"punctual/internal/auth"
	"punctual/internal/badge"
	"punctual/internal/cron"
	"punctual/internal/picture"
	"punctual/internal/statuspage"
	"punctual/internal/store"
)

// AddressChecker knows which addresses jobs may not call.
type AddressChecker interface {
	// CheckHost returns why a host, given as a name or an address, is invalid, or is blocked for that port and access;
	// otherwise no problem. It does not resolve names: their addresses are checked when they are dialled.
	CheckHost(host string, port int, access cron.Access) cron.Problem
}

// Config configures a Service.
type Config struct {
	Store     *store.Store
	Events    EventStore // the Store, except in tests
	Searcher  Searcher   // the Store, except in tests
	Addresses AddressChecker
	Plans     cron.Plans
	Secret    [32]byte // the key that seals secrets; the keys for badges and versions are derived from it
	Followers int      // maximum of event streams on this node; 0 for the default

	Passwords *auth.Passwords  // one for the process; nil for one of its own
	Mailer    Mailer           // nil when no mail can be sent
	KeepMails bool             // mails are left to the store, for the node's sender; otherwise this process sends them in the background
	Channels  ChannelTester    // nil when no message can be sent
	PublicURL string           // where people reach the service, such as https://cron.example.com; empty when that is not configured
	OwnHosts  []string         // further hosts of the service, which cannot be domains of status pages
	Resolver  Resolver         // looks up domains of status pages; nil for that of the machine
	SignUp    bool             // anybody may sign up
	Lifetimes SessionLifetimes // of sessions
	Logger    *slog.Logger     // nil for none
}

// Service performs the use cases. It is safe for concurrent use.
type Service struct {
	store           *store.Store
	events          EventStore
	searcher        Searcher
	followers       followers
	live            live
	callsInProgress callsInProgress
	loads           loads
	executors       executors
	addresses       AddressChecker
	plans           cron.Plans
	badgeKey        []byte
	badges          badge.Key
	versionKey      []byte // authenticates versions of jobs
	guessKey        []byte // hides what is counted
	subscriberKey   []byte // tells the addresses of subscribers apart
	requestKey      []byte // hides what was sent

	passwords    *auth.Passwords
	pictures     *picture.Pictures
	passkeys     *auth.Passkeys
	recovery     auth.RecoveryCodes
	sealer       *auth.Sealer
	mailer       Mailer
	keepMails    bool
	unsent       unsentMails
	channels     ChannelTester
	linkKey      []byte // authenticates links in messages
	background   background
	publicURL    string
	ownHosts     []string
	resolver     Resolver
	domainKey    []byte        // makes the tokens of accounts in the DNS
	domainChecks chan struct{} // bounds those that people ask for
	signUp       bool
	lifetimes    SessionLifetimes
	logger       *slog.Logger
}

// New returns a Service.
func New(c Config) *Service {
	s := &Service{
		store: c.Store, events: c.Events, searcher: c.Searcher, addresses: c.Addresses, plans: c.Plans,
		badgeKey: derivedKey(c.Secret, "punctual badge token"), badges: badge.NewKey(c.Secret), versionKey: derivedKey(c.Secret, "punctual job version"),
		followers: followers{max: c.Followers}, guessKey: derivedKey(c.Secret, "punctual failed sign-ins"),
		requestKey: derivedKey(c.Secret, "punctual idempotent requests"), subscriberKey: derivedKey(c.Secret, "punctual subscribers of status pages"),
		passwords: c.Passwords, recovery: auth.NewRecoveryCodes(c.Secret), sealer: auth.NewSealer(c.Secret),
		mailer: c.Mailer, keepMails: c.KeepMails, channels: c.Channels, linkKey: derivedKey(c.Secret, "punctual links in messages"),
		background: newBackground(), publicURL: strings.TrimSuffix(c.PublicURL, "/"), signUp: c.SignUp,
		ownHosts: c.OwnHosts, resolver: c.Resolver, domainKey: derivedKey(c.Secret, "punctual domains of status pages"),
		domainChecks: make(chan struct{}, domainsAtOnce),
		lifetimes:    c.Lifetimes, logger: c.Logger, loads: newLoads(), executors: executors{turn: make(chan struct{}, 1)},
	}
	s.pictures = picture.New(picture.Limits{Bytes: statuspage.MaxLogo, Pixels: statuspage.MaxLogoPixels, Width: logoWidth, Height: logoHeight})
	s.passkeys = auth.NewPasskeys(s.sealer, productName)
	if s.passwords == nil {
		s.passwords = auth.NewPasswords()
	}
	if s.resolver == nil {
		s.resolver = &net.Resolver{PreferGo: true}
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	if s.events == nil {
		s.events = c.Store
	}
	if s.searcher == nil {
		s.searcher = c.Store
	}
	return s
}

// productName is how authenticators name the service.
const productName = "Punctual"

// Features is what the service offers to people, for pages.
type Features struct {
	Mail   bool // with links: invitations and lost passwords
	SignUp bool

	Notices bool // mails to channels
}

// Features tells what the service offers.
func (s *Service) Features() Features {
	return Features{Mail: s.canLink(), SignUp: s.signUp && s.canLink(), Notices: s.mailer != nil}
}

// derivedKey is a key for one purpose, which tells nothing of the secret.
func derivedKey(secret [32]byte, purpose string) []byte {
	code := hmac.New(sha256.New, secret[:])
	_, _ = code.Write([]byte(purpose)) // never fails
	return code.Sum(nil)
}

// planOf is the plan of an account with its overrides.
func (s *Service) planOf(account cron.Account) cron.Plan {
	return s.plans.Of(account.Plan, account.Overrides)
}
