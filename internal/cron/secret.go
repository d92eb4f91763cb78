package cron

import (
	"strings"
	"time"
)

// Secret is a value that the requests of an account's jobs refer to as %secret:NAME%. Its value is never shown.
type Secret struct {
	ID        int64
	AccountID int64
	Name      string // unique in the account, and never changed
	Value     string // only while it is written
	Created   time.Time
	Updated   time.Time
	Jobs      int     // how many jobs refer to it, in lists
	JobIDs    []int64 // the first MaxSecretJobs of them
}

// Limits on secrets.
const (
	MaxSecretName   = 64      // letters, digits, "_", "-" and "."; it begins with a letter or "_"
	MaxSecretLength = 4 << 10 // bytes of a value
	MinMaskedSecret = 8       // bytes of a value from which on it is masked in what a target answers
	MaxSecretJobs   = 100     // of which a list has the numbers
)

// IsSecretName reports whether a secret can have the name.
func IsSecretName(name string) bool {
	for i := range len(name) {
		c := name[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
		if !letter && (i == 0 || !('0' <= c && c <= '9' || c == '-' || c == '.')) {
			return false
		}
	}
	return name != "" && len(name) <= MaxSecretName
}

// Accept takes a new secret for one that can be stored: it takes spaces off the name, leaves the value as it is, and reports
// what is wrong as an *Error of kind Invalid. No problem has the value.
func (s *Secret) Accept() error {
	var c Checker
	switch s.Name = strings.TrimSpace(s.Name); {
	case s.Name == "":
		c.Add("/name", Problem{Rule: RuleMandatory})
	case len(s.Name) > MaxSecretName:
		c.Add("/name", Problem{Rule: RuleTooLong, Limit: MaxSecretName, Unit: UnitCharacters})
	case !IsSecretName(s.Name):
		c.Add("/name", Problem{Rule: RuleSecretName, Given: s.Name})
	}
	s.checkValue(&c)
	return c.Err()
}

// AcceptValue is Accept for another value of a secret.
func (s *Secret) AcceptValue() error {
	var c Checker
	s.checkValue(&c)
	return c.Err()
}

// checkValue adds what is wrong with the value, which can stand in a header, and so on one line.
func (s *Secret) checkValue(c *Checker) {
	const pointer = "/value"
	if s.Value == "" {
		c.Add(pointer, Problem{Rule: RuleMandatory})
	}
	c.Text(pointer, s.Value, MaxSecretLength)
	if !isFieldValue(s.Value) {
		c.Add(pointer, Problem{Rule: RuleControlCharacter})
	}
}
