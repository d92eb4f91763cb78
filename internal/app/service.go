package app

import (
	"punctual/internal/config"
	"punctual/internal/service"
)

// newService makes the use cases with what the command line says of people: mail, sign-up, sessions and sign-in.
func newService(s service.Config, c config.Config) (*service.Service, error) {
	sender, err := newMailer(c)
	if err != nil {
		return nil, err
	}
	if sender != nil {
		s.Mailer = sender
	}
	s.PublicURL, s.OwnHosts = configuredURL(c), ownHosts(c)
	s.SignUp = c.Serve.SignUp == "open"
	s.Lifetimes = service.SessionLifetimes{Idle: c.Serve.SessionIdle, Total: c.Serve.SessionLifetime}
	return service.New(s), nil
}
