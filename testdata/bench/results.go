package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
)

// result is one contender at one size.
type result struct {
	VMs         int            `json:"vms"`
	Contender   string         `json:"contender"`
	Runs        int            `json:"runs"`
	CPU         float64        `json:"cpuSeconds"`  // user and system, median
	Wall        float64        `json:"wallSeconds"` // median
	PeakMiB     float64        `json:"peakMiB"`     // resident, the worst run
	OutputBytes int64          `json:"outputBytes"`
	Objects     map[string]int `json:"objects"` // by kind
	ToFloor     float64        `json:"toFloor"` // CPU, as a multiple of the floor's
	ToHelm      float64        `json:"toHelm"`  // likewise of helm's; 0 without helm
}

// excess is how much longer r's output is than other's, as a share of it.
func (r *result) excess(other *result) float64 {
	return float64(r.OutputBytes)/float64(other.OutputBytes) - 1
}

type results []result

// find is nil when there is no such row.
func (r results) find(vms int, contender string) *result {
	for i := range r {
		if r[i].VMs == vms && r[i].Contender == contender {
			return &r[i]
		}
	}
	return nil
}

// countObjects tells how long an output is and how many objects of each kind are in it. It reads line by line: this
// process must stay small (see resolution).
func countObjects(path string) (size int64, kinds map[string]int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, nil, err
	}
	defer f.Close()
	kinds = map[string]int{}
	in := bufio.NewReader(f)
	for {
		line, err := in.ReadSlice('\n')
		size += int64(len(line))
		if kind, found := bytes.CutPrefix(line, []byte("kind: ")); found {
			kinds[string(bytes.TrimSpace(kind))]++
		}
		switch err {
		case nil, bufio.ErrBufferFull:
		case io.EOF:
			return size, kinds, nil
		default:
			return 0, nil, err
		}
	}
}

// sizeTolerance is how far the floor's output may be from vmmesh's in length. More, and it is a floor of something else.
const sizeTolerance = 0.03

// sameObjects says how the contenders' outputs for one fleet differ, if they do: the ratios would compare nothing.
func sameObjects(rows results) error {
	mine := rows.find(rows[0].VMs, ours)
	for _, r := range rows {
		for _, kind := range slices.Sorted(maps.Keys(union(mine.Objects, r.Objects))) {
			if got, want := r.Objects[kind], mine.Objects[kind]; got != want {
				return fmt.Errorf("%d VMs: %s prints %d of kind %s, vmmesh %d: mend testdata/bench", r.VMs, r.Contender, got, kind, want)
			}
		}
		if r.Contender == floor && math.Abs(r.excess(mine)) > sizeTolerance {
			return fmt.Errorf("%d VMs: the floor prints %d bytes, vmmesh %d: mend testdata/bench/floor", r.VMs, r.OutputBytes, mine.OutputBytes)
		}
	}
	return nil
}

func union(a, b map[string]int) map[string]int {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}
