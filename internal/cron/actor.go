package cron

// Actor is who performs a use case, and for which account: an API key of the account, or the operator of the service by a
// command. The zero value is nobody, who may do nothing.
type Actor struct {
	Account  Account // that it acts for; none for commands that concern all accounts
	Key      *APIKey // by which it acts; nil for a command
	Operator bool    // of the whole service, who may do everything
	Language string  // that it reads, such as "en"; empty for the first one of the service
}

// OperatorOf is the operator of the service, acting for an account.
func OperatorOf(account Account) Actor { return Actor{Account: account, Operator: true} }

// May reports whether the actor has a scope in its account. A key has it by its scopes and in its own account only.
func (a *Actor) May(needed Scope) bool {
	if a.Operator {
		return true
	}
	return a.Key != nil && a.Account.ID != 0 && a.Key.AccountID == a.Account.ID && a.Key.Scopes.Has(needed)
}
