// Package auth turns the credentials of a caller into an Actor: it makes API keys and recognises them.
package auth
