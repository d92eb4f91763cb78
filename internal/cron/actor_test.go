package cron_test

import (
	"testing"

	"punctual/internal/cron"
)

func TestWhatAnActorMay(t *testing.T) {
	account := cron.Account{ID: 7}
	key := func(scopes cron.Scope) *cron.APIKey { return &cron.APIKey{ID: 70, AccountID: 7, Scopes: scopes} }
	for name, tt := range map[string]struct {
		actor       cron.Actor
		read, write bool
	}{
		"nobody":                   {cron.Actor{}, false, false},
		"an account alone":         {cron.Actor{Account: account}, false, false},
		"a key alone":              {cron.Actor{Key: key(cron.ScopeAll)}, false, false},
		"a key of no account":      {cron.Actor{Key: &cron.APIKey{}}, false, false},
		"a key of another account": {cron.Actor{Account: cron.Account{ID: 8}, Key: key(cron.ScopeAll)}, false, false},
		"a key for everything":     {cron.Actor{Account: account, Key: key(cron.ScopeAll)}, true, true},
		"a key for reading":        {cron.Actor{Account: account, Key: key(cron.ScopeRead)}, true, false},
		"a key for writing":        {cron.Actor{Account: account, Key: key(cron.ScopeWrite)}, false, true},
		"a key for both":           {cron.Actor{Account: account, Key: key(cron.ScopeRead | cron.ScopeWrite)}, true, true},
		"a key that claims it":     {cron.Actor{Account: account, Key: key(cron.ScopeOperator)}, false, false},
		"the operator":             {cron.OperatorOf(cron.Account{}), true, true},
		"the operator, for one":    {cron.OperatorOf(account), true, true},
	} {
		operator := tt.actor.Operator
		if got := tt.actor.May(cron.ScopeOperator); got != operator {
			t.Errorf("%s may run the service: %t", name, got)
		}
		if read, write := tt.actor.May(cron.ScopeRead), tt.actor.May(cron.ScopeWrite); read != tt.read || write != tt.write {
			t.Errorf("%s: read %t, write %t", name, read, write)
		}
	}
}
