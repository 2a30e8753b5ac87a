//go:build ignore

package main

import (
	"fmt"
	"os"

	"github.com/vmmesh/vmmesh/schema/manifest/internal/gen"
)

func main() {
	if err := gen.Run("."); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}
