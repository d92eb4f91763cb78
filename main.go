// Punctual calls URLs on time: a self-hosted HTTP cron service that speaks the cron-job.org REST API.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"punctual/internal/app"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(app.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
