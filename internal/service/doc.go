// Package service holds every use case, for the API, the commands and the console: what an actor may do, and what it gets
// to see. Each use case takes a cron.Actor and checks its rights by the table in usecase.go; nothing outside of this package
// decides who may do what.
package service
