package cron

import "net/netip"

// Actor is who performs a use case, and for which account: an API key of the account, a person by a session, or the
// operator of the service by a command. The zero value is nobody, who may do nothing.
type Actor struct {
	Account  Account // that it acts for; none for commands that concern all accounts
	Key      *APIKey // by which it acts; nil for a command or a person
	Operator bool    // whoever has the machine, by a command, who may do everything
	Language string  // that it reads, such as "en"; empty for the first one of the service

	Person  *Person  // who is signed in; nil for a key or a command
	Session *Session // by which the person acts
	Role    Role     // in the account: that of the key or of the person
	Address netip.Addr
	Way     string // WayAPI, WayConsole, WayCommand or WayService
}

// OperatorOf is whoever has the machine, acting for an account by a command.
func OperatorOf(account Account) Actor {
	return Actor{Account: account, Operator: true, Role: RoleOwner, Way: WayCommand}
}

// May reports whether the actor has a scope in its account. A key has it by its scopes and in its own account only.
func (a *Actor) May(needed Scope) bool {
	if a.Operator {
		return true
	}
	return a.Key != nil && a.Account.ID != 0 && a.Key.AccountID == a.Account.ID && a.Key.Scopes.Has(needed)
}
