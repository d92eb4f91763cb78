package service

import (
	"context"
	"time"

	"punctual/internal/auth"
	"punctual/internal/cron"
)

// The pages of the console that one-time links lead to; the token follows.
const (
	SetupPath      = "/console/setup/"
	SignUpPath     = "/console/sign-up/"
	InvitationPath = "/console/invitation/"
	PasswordPath   = "/console/password/"
	EmailPath      = "/console/email/"

	signInPath = "/console/sign-in"
)

// LinkInfo is what the page of a one-time link shows.
type LinkInfo struct {
	Email   string // empty for the first operator, who chooses one
	Known   bool   // the link is for a person who exists
	Expires time.Time
}

// newLink saves a one-time link and returns its token. It joins the transaction of ctx.
func (s *Service) newLink(ctx context.Context, l *cron.Link) (token string, err error) {
	token, l.Hash = auth.NewToken()
	l.Created = s.store.Now()
	l.Expires = l.Created.Add(l.Kind.Lifetime())
	return token, s.store.CreateLink(ctx, l)
}

// openLink finds a link that can still be used. The error is of kind NotFound when there is none of that kind, and of kind
// Gone when it was used or has expired.
func (s *Service) openLink(ctx context.Context, kind cron.LinkKind, token string) (cron.Link, error) {
	l, err := s.store.LinkByHash(ctx, auth.HashToken(token))
	switch {
	case err != nil:
		return cron.Link{}, err
	case l.Kind != kind:
		return cron.Link{}, cron.Missing(cron.SubjectLink)
	}
	return l, l.Open(s.store.Now())
}

// showLink tells what a link is for, and changes nothing: mail programs open links before people do.
func (s *Service) showLink(ctx context.Context, kind cron.LinkKind, token string) (LinkInfo, error) {
	l, err := s.openLink(ctx, kind, token)
	if err != nil {
		return LinkInfo{}, err
	}
	return LinkInfo{Email: l.Email, Known: l.PersonID != 0, Expires: l.Expires}, nil
}
