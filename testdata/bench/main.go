// Command bench measures the whole of vmmesh, every check on, beside two programs that make the same objects of the
// same fleets: floor, which only appends the text, and `helm template` with an equivalent chart, where helm is
// installed. It prints CPU, wall time, peak memory and the ratios, and judges them by the project's marks.
//
//	go run ./testdata/bench [-sizes 10,100,…] [-runs 7] [-json] [-enforce[=MARK,…]] [-keep]
//
// Contenders take turns, so that noise of the machine hits them all, and a figure is the median of its runs. Ratios
// are what to look at: times differ from machine to machine.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// options are what the command line says.
type options struct {
	sizes   []int
	runs    int
	json    bool
	keep    bool
	enforce []string // marks; "all" is every one
}

func main() {
	o, err := parseOptions(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	if err := run(o, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	o := options{sizes: []int{10, 100, 1_000, 10_000, 100_000}}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Func("sizes", "VMs of each fleet, with commas (default 10,100,1000,10000,100000)", func(s string) error {
		o.sizes = nil
		for word := range strings.SplitSeq(s, ",") {
			n, err := strconv.Atoi(strings.ReplaceAll(word, "_", ""))
			if err != nil || n < 10 || n > 1_000_000 {
				return fmt.Errorf("%q is no number from 10 to 1000000", word)
			}
			o.sizes = append(o.sizes, n)
		}
		slices.Sort(o.sizes)
		o.sizes = slices.Compact(o.sizes)
		return nil
	})
	flags.IntVar(&o.runs, "runs", 7, "rounds in which every contender runs; quick ones run three times a round, slow ones in the first three only")
	flags.BoolVar(&o.json, "json", false, "print JSON instead of tables")
	flags.BoolVar(&o.keep, "keep", false, "keep the fleets and outputs, and say where they are")
	flags.BoolFunc("enforce", "fail when a mark is missed; -enforce=memory,… fails on those marks alone", func(s string) error {
		if s == "true" {
			s = "all"
		}
		o.enforce = strings.Split(s, ",")
		for _, name := range o.enforce {
			if name != "all" && !slices.ContainsFunc(marks, func(m mark) bool { return m.name == name }) {
				return fmt.Errorf("there is no mark %q", name)
			}
		}
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if o.runs < 1 {
		return o, fmt.Errorf("-runs must be 1 or more")
	}
	return o, nil
}

// run measures and reports. Its error is a contender that does not work, outputs that are not of the same objects, or
// an enforced mark that is missed.
func run(o options, stdout, stderr io.Writer) error {
	work, err := os.MkdirTemp("", "vmmesh-bench-")
	if err != nil {
		return err
	}
	if o.keep {
		fmt.Fprintln(stderr, "keeping everything in", work)
	} else {
		defer os.RemoveAll(work)
	}

	contenders, err := prepare(work, stderr)
	if err != nil {
		return err
	}
	var all results
	for _, vms := range o.sizes {
		fmt.Fprintf(stderr, "%d VMs …\n", vms)
		fleet := filepath.Join(work, fmt.Sprintf("fleet-%d.yaml", vms))
		if err := createFleet(fleet, vms); err != nil {
			return err
		}
		rows, err := measure(contenders, fleet, vms, o.runs)
		if err != nil {
			return err
		}
		all = append(all, rows...)
		if err := sameObjects(rows); err != nil {
			return err
		}
	}

	verdicts := judge(all, o.sizes)
	if o.json {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		err = enc.Encode(report{Machine: machine(), Results: all, Verdicts: verdicts})
	} else {
		err = printReport(stdout, all, verdicts)
	}
	if err != nil {
		return err
	}
	return enforce(verdicts, o.enforce)
}

func createFleet(path string, vms int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(writeFleet(f, vms), f.Close())
}
