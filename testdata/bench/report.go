package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// report is what -json prints.
type report struct {
	Machine  string    `json:"machine"`
	Results  results   `json:"results"`
	Verdicts []verdict `json:"marks"`
}

func machine() string {
	return fmt.Sprintf("%s/%s, %d CPUs, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
}

// resolution is the smallest peak that can be told, in MiB: Linux counts into a process's peak what its parent held when
// it was started, and that is us. It is the reason why this program reads no fleet or output as a whole. 0: not known.
func resolution() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kib, err := strconv.ParseFloat(fields[0], 64)
	if err != nil {
		return 0
	}
	return kib / 1024
}

func printReport(out io.Writer, all results, verdicts []verdict) error {
	fmt.Fprintf(out, "\n%s. CPU is user and system time, medians; a peak is the worst run's.\n\n", machine())
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "VMs\tcontender\truns\tCPU s\twall s\tpeak MiB\toutput MB\tobjects\t× floor\t× helm\t")
	for _, r := range all {
		peak, toHelm := fmt.Sprintf("%.1f", r.PeakMiB), "–"
		if r.PeakMiB <= resolution() {
			peak = "≤ " + peak
		}
		if r.ToHelm > 0 {
			toHelm = fmt.Sprintf("%.3f", r.ToHelm)
		}
		objects := 0
		for _, n := range r.Objects {
			objects += n
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%.4f\t%.4f\t%s\t%.3f\t%s\t%.1f\t%s\t\n", thousands(r.VMs), r.Contender, r.Runs,
			r.CPU, r.Wall, peak, float64(r.OutputBytes)/1e6, thousands(objects), r.ToFloor, toHelm)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out, "\n"+sameText(all))
	for _, g := range growth(all) {
		fmt.Fprintln(out, g)
	}
	fmt.Fprintln(out)
	for _, v := range verdicts {
		word, bound := "FAIL", "at most"
		if v.AtLeast {
			bound = "at least"
		}
		figure := "not measured"
		if v.Figure != nil {
			figure = fmt.Sprintf("%.2f", *v.Figure)
		} else {
			word = "  – "
		}
		if v.Achieved {
			word = "PASS"
		}
		fmt.Fprintf(out, "%s  %s: %s, %s %g\n", word, v.Doc, figure, bound, v.Limit)
	}
	return nil
}

// sameText says what sameObjects found right, and how near the floor's output is to vmmesh's.
func sameText(all results) string {
	var names []string
	far := 0.0
	for _, r := range all {
		if !slices.Contains(names, r.Contender) {
			names = append(names, r.Contender)
		}
		if r.Contender == floor {
			if off := r.excess(all.find(r.VMs, ours)); math.Abs(off) > math.Abs(far) {
				far = off
			}
		}
	}
	return fmt.Sprintf("As many objects of every kind from %s; the floor's output differs from vmmesh's by %+.1f %% in length at most.",
		strings.Join(names, ", "), 100*far)
}

// growth is the exponent of vmmesh's CPU from each size to the next, from 1,000 VMs on: below, starting up is what
// counts.
func growth(all results) []string {
	var lines []string
	last := 0
	for _, r := range all {
		if r.Contender != ours {
			continue
		}
		if last >= 1_000 {
			lines = append(lines, fmt.Sprintf("CPU grows from %s to %s VMs by an exponent of %.3f.", thousands(last), thousands(r.VMs), exponent(all, last, r.VMs)))
		}
		last = r.VMs
	}
	return lines
}

// thousands writes 10000 as 10,000.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
