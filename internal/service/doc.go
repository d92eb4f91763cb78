// Package service holds the use cases that the API and the console share: what an account may do with its jobs, and
// what it gets to see of them.
package service
