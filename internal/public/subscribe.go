package public

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/statuspage"
)

// Subscriptions are those of visitors, to pages that they may read. Tokens are those of links in mails; the error is of kind NotFound for
// one that is none, and of kind Gone for what has expired or ended.
type Subscriptions interface {
	// StatusSubscribe asks an address whether it wants to be told, and sets the secret of a webhook.
	StatusSubscribe(ctx context.Context, visitor netip.Addr, x *statuspage.Subscriber) error
	StatusConfirmation(ctx context.Context, token string) (statuspage.Subscription, error)
	// ConfirmStatusSubscription returns the token by which the subscription is managed.
	ConfirmStatusSubscription(ctx context.Context, token string) (manage string, err error)
	StatusSubscription(ctx context.Context, token string) (statuspage.Subscription, error)
	ChangeStatusSubscription(ctx context.Context, token string, components []int64) error
	// StatusUnsubscribe ends a subscription, which may have ended already.
	StatusUnsubscribe(ctx context.Context, token string) error
}

// subscribeRoot is below what links in mails lead to; no page has its slug. What is sent there needs nothing but the token, so that mail
// programs can unsubscribe with one request (RFC 8058).
const subscribeRoot = root + "subscribe/"

// maxSubscribeForm is the largest form: an address, and all components of a page.
const maxSubscribeForm = 16 << 10

// subscribePage is the form to subscribe, and what was answered to it.
type subscribePage struct {
	frame
	ByMail     bool
	Address    string
	Wrong      string // what is wrong with the form; empty for nothing
	Components []componentChoice
	Asked      bool   // whoever has the address is asked
	Secret     string // that requests to the webhook are signed with
}

// componentChoice is a component to choose.
type componentChoice struct {
	ID     int64
	Title  string
	Chosen bool
}

func choices(p *statuspage.Page, chosen []int64) []componentChoice {
	list := make([]componentChoice, len(p.Components))
	for i := range p.Components {
		c := &p.Components[i]
		list[i] = componentChoice{c.ID, c.Title, slices.Contains(chosen, c.ID)}
	}
	return list
}

// showSubscribe answers with the form to subscribe.
func showSubscribe(v *visit) error {
	return v.entered(func() error {
		if !v.shown.door.Published {
			return cron.Missing(cron.SubjectNone)
		}
		return v.html("subscribe", "subscribe", func() (any, error) {
			return subscribePage{frame: v.frame(), ByMail: v.byMail, Components: choices(&v.shown.view.Page, nil)}, nil
		})
	})
}

// subscribe asks the address of the form whether it wants to be told.
func subscribe(v *visit) error {
	return v.entered(func() error {
		if !v.shown.door.Published {
			return cron.Missing(cron.SubjectNone)
		}
		if err := v.readForm(); err != nil {
			return err
		}
		x := statuspage.Subscriber{PageID: v.shown.door.PageID, Address: strings.TrimSpace(v.r.PostForm.Get("address")), Language: v.catalogue.Tag,
			Member: v.member, ComponentIDs: v.formComponents()}
		if strings.Contains(x.Address, "://") || !v.byMail {
			x.Kind = statuspage.SubscriberWebhook
		}
		p := subscribePage{frame: v.frame(), ByMail: v.byMail, Address: x.Address, Components: choices(&v.shown.view.Page, x.ComponentIDs)}
		err := v.subscriptions.StatusSubscribe(v.ctx(), v.address, &x)
		switch e, _ := errors.AsType[*cron.Error](err); {
		case err == nil:
			p.Asked, p.Secret = true, x.Secret
			return v.page(http.StatusOK, "subscribe", p)
		case e != nil && e.Kind == cron.Invalid && len(e.Problems) > 0:
			p.Wrong = v.catalogue.Problem(e.Problems[0])
			return v.page(http.StatusBadRequest, "subscribe", p)
		case e != nil && e.Kind == cron.TooMany && e.Subject == cron.SubjectSubscriber:
			p.Wrong = v.catalogue.Label("public.subscribe-full")
			return v.page(http.StatusTooManyRequests, "subscribe", p)
		}
		return err
	})
}

// readForm reads a form of either encoding.
func (v *visit) readForm() error {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxSubscribeForm)
	err := v.r.ParseForm()
	if err == nil {
		err = v.r.ParseMultipartForm(maxSubscribeForm)
	}
	if err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return &cron.Error{Kind: cron.Invalid, Err: err}
	}
	return nil
}

// formComponents are the components that a form names, no more than a page can have.
func (v *visit) formComponents() (ids []int64) {
	for _, text := range v.r.PostForm["component"] {
		if id, err := strconv.ParseInt(text, 10, 64); err == nil && len(ids) < statuspage.MaxComponents {
			ids = append(ids, id)
		}
	}
	return ids
}

// subscriptionPage is what links in mails lead to.
type subscriptionPage struct {
	frame
	Title      string // of the status page
	Address    string
	Path       string // where the form is sent
	Done       string // the key of what was done; empty for nothing
	Components []componentChoice
}

// subscription shows a page about the subscription of a link; with done, what was done with it.
func (v *visit) subscription(name, done string, found statuspage.Subscription) error {
	x := &found.Subscriber
	v.speak(&found)
	return v.page(http.StatusOK, name, subscriptionPage{frame: v.plainFrame(), Title: found.Page.Title, Address: x.Address, Path: v.r.URL.Path, Done: done,
		Components: choices(&found.Page, x.ComponentIDs)})
}

// speak chooses the language of the page that a subscription is to.
func (v *visit) speak(found *statuspage.Subscription) {
	v.w.Header().Set("X-Robots-Tag", "noindex, nofollow")
	if l := found.Page.Language; l != "" {
		v.catalogue = message.Choose(l, message.Languages())
	}
}

// showConfirmation asks whether a subscription is wanted. It changes nothing: programs open links in mails.
func showConfirmation(v *visit) error {
	found, err := v.subscriptions.StatusConfirmation(v.ctx(), v.r.PathValue("token"))
	if err != nil {
		return err
	}
	return v.subscription("confirm", "", found)
}

// confirmSubscription confirms a subscription, and leads to the page where it is managed.
func confirmSubscription(v *visit) error {
	manage, err := v.subscriptions.ConfirmStatusSubscription(v.ctx(), v.r.PathValue("token"))
	if err != nil {
		return err
	}
	v.w.Header().Set("Cache-Control", "no-store")
	http.Redirect(v.w, v.r, subscribeRoot+"manage/"+manage+"?confirmed=1", http.StatusSeeOther)
	return nil
}

// showSubscription shows what is sent to a subscriber, and how to end that.
func showSubscription(v *visit) error {
	found, err := v.subscriptions.StatusSubscription(v.ctx(), v.r.PathValue("token"))
	if err != nil {
		return err
	}
	done := ""
	if v.r.URL.Query().Has("confirmed") {
		done = "public.confirmed"
	}
	return v.subscription("subscription", done, found)
}

// changeSubscription sets the components of a subscription, or ends it: by the form, and by the request that mail programs send.
func changeSubscription(v *visit) error {
	if err := v.readForm(); err != nil {
		return err
	}
	token := v.r.PathValue("token")
	if v.r.PostForm.Get("do") == "change" {
		if err := v.subscriptions.ChangeStatusSubscription(v.ctx(), token, v.formComponents()); err != nil {
			return err
		}
		found, err := v.subscriptions.StatusSubscription(v.ctx(), token)
		if err != nil {
			return err
		}
		return v.subscription("subscription", "public.changed", found)
	}
	if err := v.subscriptions.StatusUnsubscribe(v.ctx(), token); err != nil {
		return err
	}
	v.w.Header().Set("X-Robots-Tag", "noindex, nofollow")
	return v.page(http.StatusOK, "unsubscribed", subscriptionPage{frame: v.plainFrame()})
}
