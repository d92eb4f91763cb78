package api

import (
	"net/http"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// person is a person as they see themselves. Times are Unix seconds.
type person struct {
	PersonID     int64  `json:"personId"`
	Email        string `json:"email"`
	Name         string `json:"name"`
	Timezone     string `json:"timezone"` // empty for that of the browser, as in the next two
	Language     string `json:"language"`
	Theme        string `json:"theme"`
	Operator     bool   `json:"operator"`
	SecondFactor bool   `json:"secondFactor"`
	Created      int64  `json:"created"`
}

func newPerson(p *cron.Person) *person {
	if p == nil {
		return nil
	}
	return &person{p.ID, p.Email, p.Name, p.Zone, p.Language, p.Theme, p.Operator, p.HasTOTP, p.Created.Unix()}
}

// member is a person in an account.
type member struct {
	PersonID   int64  `json:"personId"`
	Email      string `json:"email"`
	Name       string `json:"name"`
	Role       string `json:"role"`
	Since      int64  `json:"since"`
	LastSignIn *int64 `json:"lastSignIn"`
	Current    bool   `json:"current"`
}

func newMember(m *cron.Membership, current *cron.Person) member {
	return member{
		m.PersonID, m.Person.Email, m.Person.Name, m.Role.String(), m.Created.Unix(), wire.UnixOrNull(m.Person.LastSignIn),
		current != nil && m.PersonID == current.ID,
	}
}

// listPeople lists the people of the account.
func (a *api) listPeople(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	people, err := a.service.People(r.Context(), actor)
	if err != nil {
		return err
	}
	answer := struct {
		People []member `json:"people"`
		Next   *string  `json:"next"`
	}{People: make([]member, len(people))}
	for i := range people {
		answer.People[i] = newMember(&people[i], actor.Person)
	}
	return reply(w, answer)
}

// changePerson gives a person another role in the account.
func (a *api) changePerson(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	role, err := a.readRole(w, r, "person", "personId", "email", "name", "since", "lastSignIn", "current")
	if err != nil {
		return err
	}
	if err := a.service.ChangeRole(r.Context(), actor, pathID(r, "personId"), role); err != nil {
		return cron.Under("/person", err)
	}
	return reply(w, struct{}{})
}

// removePerson takes a person off the account; whoever signs in themselves leaves it.
func (a *api) removePerson(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	id := pathID(r, "personId")
	var err error
	if actor.Person != nil && actor.Person.ID == id {
		err = a.service.Leave(r.Context(), actor)
	} else {
		err = a.service.RemovePerson(r.Context(), actor, id)
	}
	if err != nil {
		return err
	}
	return reply(w, struct{}{})
}

// readRole reads an object whose role is the one thing that can change.
func (a *api) readRole(w http.ResponseWriter, r *http.Request, name string, readOnly ...string) (cron.Role, error) {
	body, outer, err := wire.ReadMember(w, r, personBody, name)
	if err != nil {
		return 0, err
	}
	var (
		p    wire.Problems
		role cron.Role
	)
	o := wire.NewObject(body, "/"+name, &p)
	o.Skip(readOnly...)
	o.MustHave("role")
	wire.Choice(o, "role", &role, wire.RoleNames)
	a.tellIgnored(w, r, outer, "/"+name, p.Unread())
	return role + cron.RoleViewer, p.Err()
}
