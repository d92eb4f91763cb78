package api

import (
	"io"
	"net/http"
	"strconv"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/download"
	"punctual/internal/service"
	"punctual/internal/statuspage"
)

// subscriber is a subscriber of a status page. Times are Unix seconds.
type subscriber struct {
	SubscriberID int64   `json:"subscriberId"`
	Kind         string  `json:"kind"`
	Address      string  `json:"address"`
	ComponentIDs []int64 `json:"componentIds"`
	Language     string  `json:"language"`
	Created      int64   `json:"created"`
	Confirmed    *int64  `json:"confirmed"`
	FailingSince *int64  `json:"failingSince"`
}

func newSubscriber(x *statuspage.Subscriber) subscriber {
	return subscriber{x.ID, x.Kind.String(), x.Address, append([]int64{}, x.ComponentIDs...), x.Language, x.Created.Unix(), wire.UnixOrNull(x.Confirmed),
		wire.UnixOrNull(x.Failing)}
}

func (a *api) listSubscribers(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	before, limit, err := readBefore(r, service.MaxSubscribersPage)
	if err != nil {
		return err
	}
	list, more, err := a.service.Subscribers(r.Context(), actor, pathID(r, "statusPageId"), before, limit)
	if err != nil {
		return err
	}
	answer := struct {
		Subscribers []subscriber `json:"subscribers"`
		Next        *string      `json:"next"` // the cursor of the next page; null at the end
	}{Subscribers: make([]subscriber, len(list))}
	for n := range list {
		answer.Subscribers[n] = newSubscriber(&list[n])
	}
	if more {
		answer.Next = new(strconv.FormatInt(list[len(list)-1].ID, 10))
	}
	return reply(w, answer)
}

func (a *api) exportSubscribers(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	if !r.ProtoAtLeast(1, 1) {
		return wire.Invalid(cron.Problem{Rule: cron.RuleHTTPVersion})
	}
	if !a.exports.Enter(actor.Account.ID, accountExports) {
		return &cron.Error{Kind: cron.TooMany}
	}
	defer a.exports.Leave(actor.Account.ID)
	return download.CSV(w, r, "subscribers.csv", a.logger, func(to io.Writer) error {
		return a.service.ExportSubscribers(r.Context(), actor, pathID(r, "statusPageId"), to)
	})
}

func (a *api) deleteSubscriber(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	if err := a.service.DeleteSubscriber(r.Context(), actor, pathID(r, "statusPageId"), pathID(r, "subscriberId")); err != nil {
		return err
	}
	return reply(w, struct{}{})
}
