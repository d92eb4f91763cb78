package service

// What tests look at.
var (
	BadgeToken = (*Service).badgeToken
	CallLimits = callLimits
	Exceeded   = exceeded
	ForEach    = forEach
	Rights     = rights
)
