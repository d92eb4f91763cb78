package statuspage

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"punctual/internal/cron"
)

// Domain is a host at which a status page is to be shown. Several accounts can ask for one; whoever proves that it is theirs, by a TXT
// record with the token of the account, holds it. A CNAME proves nothing: it stays when the owner of the host has left the service.
type Domain struct {
	ID        int64
	PageID    int64
	AccountID int64
	Host      string      // lower case, internationalized names in their ASCII form
	Held      time.Time   // since when the account holds it; zero if it does not
	Missing   time.Time   // since when the proof of one that is held is missing; zero when it is there
	Checked   time.Time   // the last check; zero before the first
	Fault     DomainFault // what that check found
	Created   time.Time
	CreatedBy string // as cron.Author.Label
}

// DomainFault is what a check of a domain found wrong. The numbers are stored.
type DomainFault int

// The faults. DomainAddress and DomainNoAddress are warnings: the domain counts, but visitors may not reach the page by it.
const (
	DomainFine      DomainFault = iota
	DomainNoRecord              // there is no TXT record
	DomainOther                 // there are TXT records, but none with the token of the account
	DomainUnknown               // the name servers of the domain do not answer, or with an error
	DomainTaken                 // another account holds it, whose record is there too
	DomainNoAddress             // the host has no address
	DomainAddress               // the host leads elsewhere; a proxy in front of the service may be the reason
)

// DomainFaultNames are the names of the faults in the API, by their numbers.
var DomainFaultNames = []string{DomainFine: "none", DomainNoRecord: "noRecord", DomainOther: "otherRecord", DomainUnknown: "noAnswer",
	DomainTaken: "taken", DomainNoAddress: "noAddress", DomainAddress: "otherAddress"}

// String is the name in the API.
func (f DomainFault) String() string { return DomainFaultNames[f] }

// Times of domains.
const (
	DomainKept      = 3 * 24 * time.Hour  // how long a domain is held without its proof
	domainRecheck   = 24 * time.Hour      // of one that is held
	domainMissing   = 3 * time.Hour       // of one that is held and whose proof is missing
	domainFirst     = 5 * time.Minute     // of one that is new
	domainForgotten = 30 * 24 * time.Hour // for how long one that was never held is checked
)

// ProofName is the name of the TXT record that proves whose a host is.
func ProofName(host string) string { return "_punctual." + host }

// Findings is what a check found in the DNS.
type Findings struct {
	Proofs  []string // the values of the TXT records of ProofName
	Answers bool     // the name servers answered, if only that there are none
	Address DomainFault
}

// Settle is the domain after a check at an instant, and when the next one is due; the zero time for never. token is that of the domain's
// account, and rival that of another account that holds the host, "" for none. A rival whose record is gone loses the host.
func (d Domain) Settle(f *Findings, token, rival string, now time.Time) (after Domain, due time.Time) {
	after = d
	after.Checked, after.Fault = now, f.proved(token, rival)
	held := !d.Held.IsZero()
	switch {
	case after.Fault == DomainFine:
		after.Missing, after.Fault = time.Time{}, f.Address
		if !held {
			after.Held = now
		}
	case held && after.Fault == DomainUnknown: // which says nothing of the record
	case held && d.Missing.IsZero():
		after.Missing = now
	case held && now.Sub(d.Missing) >= DomainKept:
		after.Held, after.Missing = time.Time{}, time.Time{}
	}
	return after, after.nextCheck(now)
}

// proved tells whether the records prove that a host belongs to the account of a token.
func (f *Findings) proved(token, rival string) DomainFault {
	switch {
	case !f.Answers:
		return DomainUnknown
	case len(f.Proofs) == 0:
		return DomainNoRecord
	case !slices.Contains(f.Proofs, token):
		return DomainOther
	case rival != "" && slices.Contains(f.Proofs, rival):
		return DomainTaken
	}
	return DomainFine
}

func (d *Domain) nextCheck(now time.Time) time.Time {
	switch {
	case !d.Held.IsZero() && d.Missing.IsZero():
		return now.Add(domainRecheck)
	case !d.Held.IsZero():
		return now.Add(domainMissing)
	}
	age := now.Sub(d.Created)
	if age > domainForgotten {
		return time.Time{}
	}
	return now.Add(min(max(age/4, domainFirst), domainRecheck))
}

// HeldDomain is a host and the page that is shown there.
type HeldDomain struct {
	Host      string
	PageID    int64
	AccountID int64
	Slug      string
}

// domainForm is the name of a host with at least two labels, in ASCII.
var domainForm = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// maxDomain leaves room for ProofName in the 253 characters of a name.
const maxDomain = 253 - len("_punctual.")

// HostOf is the form in which hosts are compared: in ASCII and lower case, without a dot at the end.
func HostOf(name string) string {
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	if ascii, err := idna.Lookup.ToASCII(name); err == nil {
		return ascii
	}
	return name
}

// AcceptDomain is the form in which a host is stored. The error is of kind Invalid for what is no name of a host, such as an address or a
// wildcard, and for the hosts of the service itself.
func AcceptDomain(text string, own []string) (host string, err error) {
	var c cron.Checker
	given := strings.TrimSpace(text)
	host = strings.TrimSuffix(given, ".")
	ascii, err := idna.Lookup.ToASCII(host)
	_, address := netip.ParseAddr(ascii)
	switch {
	case given == "":
		c.Add("/host", cron.Problem{Rule: cron.RuleMandatory})
	case err != nil || address == nil || len(ascii) > maxDomain || !domainForm.MatchString(ascii) || isNumber(ascii):
		c.Add("/host", cron.Problem{Rule: cron.RuleDomain, Given: given})
	case slices.Contains(own, ascii):
		c.Add("/host", cron.Problem{Rule: cron.RuleDomainOwn, Given: given})
	}
	return ascii, c.Err()
}

// isNumber tells whether the last label is one of digits, as in no name but in parts of addresses.
func isNumber(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	return strings.Trim(last, "0123456789") == ""
}
