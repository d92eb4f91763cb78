package storetest

import "strings"

// SetSecretNames sets the secrets that a job names.
func (x *Tables) SetSecretNames(jobID int64, names ...string) {
	x.t.Helper()
	x.Exec(`UPDATE job SET secret_names = $2 WHERE id = $1`, jobID, strings.Join(names, ","))
}

// MoveSecretValue gives a secret the sealed value of another one.
func (x *Tables) MoveSecretValue(to, from int64) {
	x.t.Helper()
	x.Exec(`UPDATE secret SET sealed_value = (SELECT sealed_value FROM secret WHERE id = $2) WHERE id = $1`, to, from)
}
