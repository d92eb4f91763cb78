package web

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"

	"punctual/internal/auth"
	"punctual/internal/cron"
)

func (w *web) passkeyRoutes() []route {
	return []route{
		{"POST", pathSignIn + "/passkey", public, signInByPasskey},
		{"POST", pathSignIn + "/passkey/begin", public, beginPasskeySignIn},
	}
}

// ceremony is what the script of a page needs to ask the browser for a passkey: the options of the Web Authentication API,
// and a state to send back with the answer.
type ceremony struct {
	Options json.RawMessage `json:"options,omitempty"`
	State   string          `json:"state,omitempty"`
	Error   string          `json:"error,omitempty"`
}

// begin answers the script with the options for a passkey, or with what is wrong.
func (v *visit) begin(c auth.Ceremony, err error) error {
	answer, status := ceremony{Options: c.Options, State: c.State}, http.StatusOK
	if err != nil {
		var e *cron.Error
		status, e = v.classify(err)
		_, answer.Error = v.catalogue.Error(e.Kind, e.Subject)
		if len(e.Problems) > 0 {
			answer.Error = v.catalogue.Problem(e.Problems[0])
		}
		v.retryAfter(status, e)
	}
	v.w.Header().Set("Content-Type", "application/json")
	v.w.WriteHeader(status)
	return json.NewEncoder(v.w).Encode(answer)
}

// passkeys tells whether passkeys can be used: they are bound to the name of a host, so an address has none. Scripts find
// out about all else.
func (v *visit) passkeys() bool {
	u, err := url.Parse(v.baseURL())
	if err != nil {
		return false
	}
	_, err = netip.ParseAddr(u.Hostname())
	return err != nil
}

// beginPasskeyOf begins the registration of the passkey of somebody new, who has a link of a kind.
func beginPasskeyOf(kind cron.LinkKind) handler {
	return func(v *visit) error {
		return v.begin(v.web.service.BeginNewPasskey(v.ctx(), v.baseURL(), kind, v.r.PathValue("token"), v.form("email"), v.form("name")))
	}
}

func beginPasskeySignIn(v *visit) error {
	return v.begin(v.web.service.BeginPasskeySignIn(v.ctx(), v.baseURL()))
}

func signInByPasskey(v *visit) error {
	in, err := v.web.service.SignInByPasskey(v.ctx(), v.client(), v.form("state"), []byte(v.form("response")))
	if err != nil {
		return v.signInFailed(err)
	}
	return v.enter(in, v.next())
}
