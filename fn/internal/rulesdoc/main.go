//go:build ignore

// Command main writes schema/README.md. It runs in the folder fn.
package main

import (
	"log"
	"os"

	"github.com/vmmesh/vmmesh/fn/internal/rulesdoc"
)

func main() {
	if err := os.WriteFile("../schema/README.md", []byte(rulesdoc.Text()), 0o644); err != nil {
		log.Fatal(err)
	}
}
