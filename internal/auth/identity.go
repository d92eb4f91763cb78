package auth

import (
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"

	"punctual/internal/cron"
)

// Identity is who has signed in at an issuer. Issuer and Subject identify a person; everything else can change.
type Identity struct {
	Config          IssuerConfig // of the issuer, without its secret
	Issuer, Subject string
	Email           string // in lower case; empty when the issuer names none
	EmailVerified   bool
	Name            string
	Groups          []string
	Role            cron.Role // in Config.Account, by the role claim; RoleNone when none is configured

	Trusted  bool // the address is verified, and of a domain of the issuer: it may be linked with a person of that address
	Admitted bool // somebody who is not known yet may come in without an invitation

	Fresh     bool     // the issuer was to ask the person again
	Carry     string   // of IssuerRequest
	Challenge [32]byte // identifies the sign-in, which counts once
	Expires   time.Time
}

// claims are what an issuer says of a person.
type claims map[string]any

// complete tells whether the claims hold what the configuration speaks of.
func (i *issuer) complete(all claims) bool {
	for _, name := range []string{"email", i.config.VerifiedClaim, i.config.GroupsClaim, i.config.RoleClaim} {
		if _, has := all.find(name); name != "" && !has {
			return false
		}
	}
	return true
}

// identify reads the claims of a person, who must be of a group that may sign in.
func (i *issuer) identify(all claims) (Identity, error) {
	c := i.config.public()
	who := Identity{Config: c, Issuer: c.Issuer, Subject: all.text("sub"), Name: all.name(), Groups: all.texts(c.GroupsClaim)}
	if email := strings.ToLower(all.text("email")); isAddress(email) {
		who.Email = email
		who.EmailVerified = all.yes(c.VerifiedClaim)
	}
	if c.RoleClaim != "" {
		who.Role = cron.RoleViewer // also for those who have lost their role at the issuer
	}
	for _, value := range all.texts(c.RoleClaim) {
		who.Role = max(who.Role, c.Roles[value])
	}
	isAllowed := func(group string) bool { return slices.Contains(c.AllowGroups, group) }
	if len(c.AllowGroups) > 0 && !slices.ContainsFunc(who.Groups, isAllowed) {
		return Identity{}, i.fail(cron.Forbidden, cron.RuleIssuerGroups, errors.New("no group of the person may sign in"))
	}
	who.Trusted = who.EmailVerified && c.trusts(who.Email)
	who.Admitted = !c.InvitationOnly && who.EmailVerified && (who.Trusted || len(c.Domains) == 0 && len(c.AllowGroups) > 0)
	return who, nil
}

// add adds the claims of the userinfo endpoint that the ID token does not have. Whether an address is verified is told of the
// address beside it only.
func (c claims) add(further claims, verified string) {
	if email, has := c["email"]; !has {
		delete(c, verified)
	} else if further["email"] != email {
		delete(further, verified)
	}
	for name, value := range further {
		if _, has := c[name]; !has {
			c[name] = value
		}
	}
}

// find is a claim by its name, or by a path of names with dots between them.
func (c claims) find(path string) (any, bool) {
	if value, ok := c[path]; ok {
		return value, true
	}
	name, rest, nested := strings.Cut(path, ".")
	inner, ok := c[name].(map[string]any)
	if !nested || !ok {
		return nil, false
	}
	return claims(inner).find(rest)
}

func (c claims) text(path string) string {
	value, _ := c.find(path)
	text, _ := value.(string)
	return text
}

// texts is a claim that has one value or several.
func (c claims) texts(path string) (texts []string) {
	switch value, _ := c.find(path); value := value.(type) {
	case string:
		return []string{value}
	case []any:
		for _, item := range value {
			if text, ok := item.(string); ok {
				texts = append(texts, text)
			}
		}
	}
	return texts
}

// yes tells whether a claim is true. Some issuers send a text or a number.
func (c claims) yes(path string) bool {
	value, _ := c.find(path)
	return value == true || value == "true" || value == float64(1) || value == "1"
}

// name is how the person is called, on one line.
func (c claims) name() string {
	text := c.text("name")
	if text == "" {
		text = c.text("preferred_username")
	}
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, text))
	if runes := []rune(text); len(runes) > 100 {
		text = string(runes[:100])
	}
	return text
}

// isAddress tells whether a text can be an e-mail address: whether it is one, package service checks.
func isAddress(text string) bool {
	local, domain, ok := strings.Cut(text, "@")
	return ok && local != "" && domain != "" && len(text) <= 254 && !strings.Contains(domain, "@") &&
		!strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
}
