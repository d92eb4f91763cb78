// Package e2e tests the binary from outside, as its users and operators meet it.
package e2e
