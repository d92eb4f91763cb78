package app

import (
	"context"
	"errors"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// checkIssuers finds the accounts that new people of the issuers come into.
func (n *node) checkIssuers(ctx context.Context) (stop func() error, err error) {
	for _, i := range n.issuers {
		if i.Account == "" {
			continue
		}
		_, err := n.service.Account(ctx, operator(), i.Account)
		switch {
		case cron.KindOf(err) == cron.NotFound:
			return nil, errors.New(message.Default().IssuerWithoutAccount(n.config.Serve.OIDC, i.Name, i.Account))
		case err != nil:
			return nil, err
		}
	}
	return nil, nil
}
