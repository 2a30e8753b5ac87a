// Command vmmesh turns a vmmesh.yaml into the manifests that make VMs members of an Istio mesh.
package main

import (
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

func main() {
	// A build reads, writes and ends: fewer collections cost a little memory and save time.
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(200)
		limit := int64(512 << 20)
		if len(os.Args) < 2 || os.Args[1] == "fn" {
			limit = 256 << 20 // a function shares its memory with the orchestrator that holds the same list
		}
		debug.SetMemoryLimit(limit)
	}
	signal.Ignore(syscall.SIGPIPE) // a reader that went away is an error with a message, not a sudden death
	os.Exit(Main(os.Args[1:], Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, LookupEnv: os.LookupEnv, IsTerminal: isTerminal, Hold: holdSignals,
	}))
}
