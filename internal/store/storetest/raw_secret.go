package storetest

// MoveSecretValue gives a secret the sealed value of another one.
func (x *Tables) MoveSecretValue(to, from int64) {
	x.t.Helper()
	x.Exec(`UPDATE secret SET sealed_value = (SELECT sealed_value FROM secret WHERE id = $2) WHERE id = $1`, to, from)
}
