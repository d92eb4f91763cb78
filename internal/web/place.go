package web

// place is a page that the navigation and the palette lead to.
type place struct {
	Key   string // as view.Place has it
	Path  string
	Icon  string
	Label string
}

// placeGroup is places under a heading.
type placeGroup struct {
	Label  string
	Name   bool // the label is the name of an account, which may be long
	Places []place
}

// Settings are the settings that the person can open, by whom they concern.
func (p view) Settings() (groups []placeGroup) {
	t := p.labels.Label
	at := func(key, icon, label string) place { return place{key, root + "/settings/" + key, icon, t(label)} }
	groups = append(groups, placeGroup{t("nav.you"), false, []place{
		at("person", "user", "nav.person"), at("sign-in", "shield-check", "nav.sign-in"), at("sessions", "monitor-smartphone", "nav.sessions")}})
	if p.Account.ID != 0 {
		account := placeGroup{p.AccountName(p.Account), true, []place{
			at("people", "users", "nav.people"), at("keys", "key-round", "nav.keys"), at("channels", "bell", "nav.channels"),
			at("maintenance", "wrench", "nav.maintenance"), at("bin", "trash-2", "nav.bin"), at("secrets", "lock", "nav.secrets"),
			at("tls", "file-key", "nav.tls")}}
		if p.May("owner") {
			account.Places = append(account.Places, at("audit", "scroll-text", "nav.audit"), at("account", "building-2", "nav.account"))
		}
		groups = append(groups, account)
	}
	if p.Person.Operator {
		groups = append(groups, placeGroup{t("nav.service"), false, []place{
			at("accounts", "server", "nav.accounts"), at("everyone", "id-card", "nav.everyone"), at("plans", "gauge", "nav.plans"),
			at("nodes", "database", "nav.nodes"), at("service", "list-checks", "nav.configuration")}})
	}
	return groups
}
