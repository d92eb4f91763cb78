package service

// What tests look at.
var (
	BadgeToken     = (*Service).badgeToken
	CallLimits     = callLimits
	Exceeded       = exceeded
	ForEach        = forEach
	PasswordLimits = (*Service).passwordLimits

	Rights = rights
)

// JobFieldNames are the names of what the log says of a change of a job.
func JobFieldNames() (names []string) {
	for i := range jobFields {
		names = append(names, jobFields[i].pointer)
	}
	return names
}
