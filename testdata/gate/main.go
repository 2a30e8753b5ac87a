// Gate runs the tests as `go test` does and prints what `go test` prints. Behind that it lists what the machine lacks:
// one line for each thing that tests were skipped for (package need), and what to install. Its arguments are those of
// `go test`.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/internal/need"
)

func main() {
	cmd := exec.Command("go", append([]string{"test", "-json"}, os.Args[1:]...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	missing := report(out, os.Stdout)
	status := 0
	if err := cmd.Wait(); err != nil {
		status = 1
	}
	if len(missing) > 0 {
		fmt.Println("\nTests that were skipped, and what they need:")
		for _, text := range slices.Sorted(maps.Keys(missing)) {
			fmt.Printf("  %3d × %s\n", missing[text], text)
		}
	}
	os.Exit(status)
}

// event is what test2json writes, a line each.
type event struct {
	Action, Package, Test, Output string
}

// report prints the results of packages, and all output of what fails. It returns how often something was missing.
func report(in io.Reader, out io.Writer) map[string]int {
	missing := map[string]int{}
	texts := map[[2]string][]string{} // by package and test, until its end
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil { // not a test's: what the compiler says
			fmt.Fprintln(out, lines.Text())
			continue
		}
		key := [2]string{e.Package, e.Test}
		switch e.Action {
		case "output", "build-output":
			switch {
			case e.Action == "build-output":
				fmt.Fprint(out, e.Output)
			case e.Test == "" && resultOfPackage(e.Output):
				fmt.Fprint(out, e.Output)
			default:
				texts[key] = append(texts[key], e.Output)
			}
		case "skip":
			for _, line := range texts[key] {
				if _, text, found := strings.Cut(line, ": "+need.Prefix); found {
					missing[strings.TrimSpace(text)]++
				}
			}
			delete(texts, key)
		case "fail":
			fmt.Fprint(out, strings.Join(texts[key], ""))
			delete(texts, key)
		case "pass":
			delete(texts, key)
		}
	}
	return missing
}

// resultOfPackage reports whether a line is the one by which `go test` closes a package.
func resultOfPackage(line string) bool {
	for _, start := range []string{"ok  \t", "FAIL\t", "---\t", "?   \t", "\t"} {
		if strings.HasPrefix(line, start) {
			return true
		}
	}
	return false
}
