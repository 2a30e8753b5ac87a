package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// mark is a goal of the project.
type mark struct {
	name  string // for -enforce; marks that go together share one
	doc   string
	limit float64
	least bool  // the figure must be at least the limit; otherwise at most
	sizes []int // the fleets it is judged on
	// figure is the value to judge. NaN: a contender is missing.
	figure func(results) float64
}

const (
	large = 10_000
	huge  = 100_000
)

// marks are the first ones to reach.
var marks = []mark{
	{name: "floor", doc: "CPU at 10,000 VMs, as a multiple of the floor's", limit: 15, sizes: []int{large},
		figure: func(r results) float64 { return r.find(large, ours).ToFloor }},
	{name: "helm", doc: "helm's CPU at 10,000 VMs, as a multiple of vmmesh's", limit: 6, least: true, sizes: []int{large},
		figure: func(r results) float64 {
			if h := r.find(large, helm); h != nil {
				return h.CPU / r.find(large, ours).CPU
			}
			return math.NaN()
		}},
	{name: "growth", doc: "exponent of CPU, steepest of 1,000 → 10,000 → 100,000 VMs", limit: 1.10, sizes: []int{1_000, large, huge},
		figure: func(r results) float64 { return max(exponent(r, 1_000, large), exponent(r, large, huge)) }},
	{name: "start", doc: "CPU at 10 VMs, ms", limit: 20, sizes: []int{10},
		figure: func(r results) float64 { return r.find(10, ours).CPU * 1000 }},
	peakMark(10, 24),
	peakMark(large, 96),
	peakMark(huge, 768),
}

func peakMark(vms int, limit float64) mark {
	return mark{name: "memory", doc: fmt.Sprintf("peak memory at %s VMs, MiB", thousands(vms)), limit: limit, sizes: []int{vms},
		figure: func(r results) float64 { return r.find(vms, ours).PeakMiB }}
}

// exponent is how steeply vmmesh's CPU grows between two sizes: 1 is linear, 2 quadratic.
func exponent(r results, from, to int) float64 {
	return math.Log(r.find(to, ours).CPU/r.find(from, ours).CPU) / math.Log(float64(to)/float64(from))
}

// verdict is a mark that was judged.
type verdict struct {
	Mark     string   `json:"mark"`
	Doc      string   `json:"doc"`
	Limit    float64  `json:"limit"`
	AtLeast  bool     `json:"atLeast"`
	Figure   *float64 `json:"figure"` // null: a contender is missing
	Achieved bool     `json:"achieved"`
}

// judge takes every mark whose sizes were all measured.
func judge(all results, sizes []int) []verdict {
	var verdicts []verdict
	for _, m := range marks {
		if slices.ContainsFunc(m.sizes, func(n int) bool { return !slices.Contains(sizes, n) }) {
			continue
		}
		v := verdict{Mark: m.name, Doc: m.doc, Limit: m.limit, AtLeast: m.least}
		if f := m.figure(all); !math.IsNaN(f) {
			v.Figure = &f
			v.Achieved = m.least && f >= m.limit || !m.least && f <= m.limit
		}
		verdicts = append(verdicts, v)
	}
	return verdicts
}

// enforce says which of the named marks are missed. One that could not be judged is missed too.
func enforce(verdicts []verdict, names []string) error {
	var missed []string
	for _, v := range verdicts {
		if (slices.Contains(names, "all") || slices.Contains(names, v.Mark)) && !v.Achieved {
			missed = append(missed, v.Doc)
		}
	}
	if missed != nil {
		return fmt.Errorf("marks missed: %s", strings.Join(missed, "; "))
	}
	return nil
}
