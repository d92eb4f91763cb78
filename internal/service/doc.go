// Package service holds every use case, for the API, the commands and the console. Each use case takes a cron.Actor and
// checks its rights by the table in usecase.go; no other package decides about rights.
package service
