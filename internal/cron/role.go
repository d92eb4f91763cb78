package cron

// Role is what a person may do in an account. The numbers are stored, and a greater one includes the smaller ones.
type Role int

// The roles.
const (
	RoleNone   Role = iota
	RoleViewer      // sees everything but secrets, and changes nothing
	RoleEditor      // jobs, folders, channels, pages and runs
	RoleOwner       // everything, people included
)

// roleNames are the names of the roles on the wire and in configuration.
var roleNames = [...]string{"none", "viewer", "editor", "owner"}

// String is the name of the role, "viewer", "editor" or "owner"; "none" for every other number.
func (r Role) String() string {
	if r < 0 || int(r) >= len(roleNames) {
		r = RoleNone
	}
	return roleNames[r]
}

// ParseRole finds the role of a name. RoleNone has none.
func ParseRole(name string) (Role, bool) {
	for r := RoleViewer; r <= RoleOwner; r++ {
		if roleNames[r] == name {
			return r, true
		}
	}
	return RoleNone, false
}
