//go:build istioctl

// The program istioctl-batch is istioctl for many commands: to start it takes longer than most commands do. It reads the
// arguments of one command a line, as a JSON list, and writes the result as a line of JSON.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"istio.io/istio/istioctl/cmd"
)

type result struct {
	Out, Err string // what the command writes to the two
	Failed   bool
}

func main() {
	// What a command writes around its writers must not get among the results.
	out := os.Stdout
	os.Stdout = os.Stderr
	in, results := json.NewDecoder(os.Stdin), json.NewEncoder(out)
	for {
		var args []string
		if err := in.Decode(&args); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		var stdout, stderr bytes.Buffer
		command := cmd.GetRootCmd(args)
		command.SetOut(&stdout)
		command.SetErr(&stderr)
		err := command.Execute()
		if err != nil {
			fmt.Fprintln(&stderr, err)
		}
		if err := results.Encode(result{stdout.String(), stderr.String(), err != nil}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
