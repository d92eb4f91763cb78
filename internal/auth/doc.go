// Package auth tells who is calling: it makes API keys and recognises them.
package auth
