// Command postgres runs a command, such as go test, whose tests share one PostgreSQL server, and ends with its exit code.
// The server ends with it.
package main

import (
	"fmt"
	"os"
	"os/signal"

	"punctual/internal/store/storetest"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: postgres COMMAND [ARGUMENT...]")
		os.Exit(2)
	}
	signal.Ignore(os.Interrupt) // the command gets it too, from the terminal, and ends
	code, err := storetest.RunWithServer(os.Args[1], os.Args[2:]...)
	if err != nil {
		fmt.Fprintln(os.Stderr, "postgres:", err)
		os.Exit(1)
	}
	os.Exit(code)
}
