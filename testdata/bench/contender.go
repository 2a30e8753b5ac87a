package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Names of the contenders.
const (
	ours  = "vmmesh"
	floor = "floor"
	helm  = "helm"
)

// contender is a program that prints a fleet's objects on standard output.
type contender struct {
	name string
	argv func(fleet string) []string
	dir  string // its home and scratch directory; outputs are written there
}

// prepare builds vmmesh and the floor, static and stripped as a release is, and finds helm. Without helm the others run
// alone.
func prepare(work string, stderr io.Writer) ([]contender, error) {
	mod, err := goEnv("GOMOD")
	if err != nil {
		return nil, err
	}
	root := filepath.Dir(mod)
	all := []contender{
		{name: ours, argv: func(fleet string) []string {
			return []string{filepath.Join(work, "bin", ours), "build", fleet, "-o", "-"}
		}},
		{name: floor, argv: func(fleet string) []string { return []string{filepath.Join(work, "bin", floor), fleet} }},
	}
	for name, pkg := range map[string]string{ours: "./cmd/vmmesh", floor: "./testdata/bench/floor"} {
		build := exec.Command("go", "build", "-ldflags", "-s -w", "-o", filepath.Join(work, "bin", name), pkg)
		build.Dir = root
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("building %s: %w\n%s", pkg, err, out)
		}
	}

	chart := filepath.Join(root, "testdata", "bench", "chart")
	if program := findHelm(); program != "" {
		all = append(all, contender{name: helm, argv: func(fleet string) []string {
			return []string{program, "template", "fleet", chart, "--values", fleet}
		}})
	} else {
		fmt.Fprintln(stderr, "helm is not installed, so nothing is compared with it; `make bench-tools` installs it")
	}

	for i := range all {
		all[i].dir = filepath.Join(work, all[i].name)
		if err := os.Mkdir(all[i].dir, 0o755); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// findHelm looks where `make bench-tools` installs helm, then on PATH. "" means that there is none.
func findHelm() string {
	if gopath, err := goEnv("GOPATH"); err == nil {
		for _, dir := range filepath.SplitList(gopath) {
			if p, err := exec.LookPath(filepath.Join(dir, "bin", "helm")); err == nil {
				return p
			}
		}
	}
	p, err := exec.LookPath("helm")
	if err != nil {
		return ""
	}
	return p
}

func goEnv(name string) (string, error) {
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		return "", fmt.Errorf("go env %s: %w", name, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// sample is what one run cost.
type sample struct {
	cpu, wall time.Duration // CPU is user and system time together
	peakKiB   int64
}

// output is where the last run's standard output is.
func (c *contender) output() string { return filepath.Join(c.dir, "out.yaml") }

// run has the contender print a fleet into its output file. The figures are the kernel's own for that one process, as
// wait4 gives them.
func (c *contender) run(fleet string) (sample, error) {
	argv := c.argv(fleet)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = c.dir
	// Nothing of the caller's environment may tune a contender's garbage collector or show helm a cluster.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.dir, "TMPDIR=" + c.dir}
	out, err := os.Create(c.output())
	if err != nil {
		return sample{}, err
	}
	defer out.Close()
	var talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &talk
	start := time.Now()
	err = cmd.Run()
	wall := time.Since(start)
	if err != nil {
		return sample{}, fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, excerpt(talk.Bytes()))
	}
	peak := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
	if runtime.GOOS == "darwin" {
		peak /= 1024 // bytes there, KiB elsewhere
	}
	return sample{cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), wall: wall, peakKiB: peak}, nil
}

func excerpt(talk []byte) []byte { return talk[:min(len(talk), 4000)] }

// A contender that takes less than quick runs three times a round, one that takes more than slow in three rounds only.
const (
	quick = 100 * time.Millisecond
	slow  = 5 * time.Second
)

// measure lets the contenders take turns over one fleet. The first turn warms up and shows what they print; it is not
// measured.
func measure(all []contender, fleet string, vms, rounds int) (results, error) {
	rows := make(results, len(all))
	samples := make([][]sample, len(all))
	perRound := make([]int, len(all))
	maxRounds := make([]int, len(all))
	for i := range all {
		first, err := all[i].run(fleet)
		if err != nil {
			return nil, err
		}
		rows[i] = result{VMs: vms, Contender: all[i].name}
		if rows[i].OutputBytes, rows[i].Objects, err = countObjects(all[i].output()); err != nil {
			return nil, err
		}
		perRound[i], maxRounds[i] = 1, rounds
		if first.cpu < quick {
			perRound[i] = 3
		} else if first.cpu > slow {
			maxRounds[i] = min(rounds, 3)
		}
	}
	for round := range rounds {
		for i := range all {
			if round >= maxRounds[i] {
				continue
			}
			for range perRound[i] {
				s, err := all[i].run(fleet)
				if err != nil {
					return nil, err
				}
				samples[i] = append(samples[i], s)
			}
		}
	}
	for i := range rows {
		rows[i].summarise(samples[i])
	}
	for i := range rows {
		rows[i].ToFloor = rows[i].CPU / rows.find(vms, floor).CPU
		if h := rows.find(vms, helm); h != nil {
			rows[i].ToHelm = rows[i].CPU / h.CPU
		}
	}
	return rows, nil
}

func (r *result) summarise(samples []sample) {
	r.Runs = len(samples)
	r.CPU = median(samples, func(s sample) float64 { return s.cpu.Seconds() })
	r.Wall = median(samples, func(s sample) float64 { return s.wall.Seconds() })
	for _, s := range samples {
		r.PeakMiB = max(r.PeakMiB, float64(s.peakKiB)/1024)
	}
}

func median(samples []sample, of func(sample) float64) float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = of(s)
	}
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}
