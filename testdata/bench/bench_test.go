package main

import (
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The floor, and the chart where helm is installed, have to follow the generators.
func TestContendersMakeTheSameObjects(t *testing.T) {
	work := t.TempDir()
	contenders, err := prepare(work, io.Discard)
	require.NoError(t, err)
	for _, vms := range []int{10, 50} {
		fleet := filepath.Join(work, "fleet.yaml")
		require.NoError(t, createFleet(fleet, vms))
		rows, err := measure(contenders, fleet, vms, 1)
		require.NoError(t, err)
		require.NoError(t, sameObjects(rows))
		require.Equal(t, vms, rows.find(vms, ours).Objects["WorkloadEntry"])
		for _, r := range rows {
			require.Positive(t, r.CPU, r.Contender)
			require.Positive(t, r.PeakMiB, r.Contender)
		}
	}
}

func TestOtherObjectsAreSeen(t *testing.T) {
	same := func() results {
		return results{
			{VMs: 10, Contender: ours, OutputBytes: 1000, Objects: map[string]int{"Service": 2}},
			{VMs: 10, Contender: floor, OutputBytes: 1020, Objects: map[string]int{"Service": 2}},
			{VMs: 10, Contender: helm, OutputBytes: 1500, Objects: map[string]int{"Service": 2}},
		}
	}
	require.NoError(t, sameObjects(same()))

	rows := same()
	rows[2].Objects["Service"] = 1
	require.EqualError(t, sameObjects(rows), "10 VMs: helm prints 1 of kind Service, vmmesh 2: mend testdata/bench")

	rows = same()
	rows[1].Objects["Sidecar"] = 1
	require.EqualError(t, sameObjects(rows), "10 VMs: floor prints 1 of kind Sidecar, vmmesh 0: mend testdata/bench")

	rows = same()
	rows[1].OutputBytes = 900
	require.EqualError(t, sameObjects(rows), "10 VMs: the floor prints 900 bytes, vmmesh 1000: mend testdata/bench/floor")
}

func TestCountObjects(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.yaml")
	text := "apiVersion: v1\nkind: Service\nspec:\n  kind: inner\n---\nkind: Service\n---\nkind: Sidecar"
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	size, kinds, err := countObjects(path)
	require.NoError(t, err)
	require.EqualValues(t, len(text), size)
	require.Equal(t, map[string]int{"Service": 2, "Sidecar": 1}, kinds)
}

func TestFailedContenderSaysWhy(t *testing.T) {
	c := contender{name: "false", dir: t.TempDir(), argv: func(string) []string {
		return []string{"sh", "-c", "echo $((40 + 2)) reasons >&2; exit 7"}
	}}
	_, err := c.run("fleet.yaml")
	require.ErrorContains(t, err, "exit status 7")
	require.ErrorContains(t, err, "42 reasons")
}

// linear is a vmmesh that costs n microseconds a VM beside a floor that costs 1 and a helm that costs 20.
func linear(n float64) results {
	var all results
	for _, vms := range []int{10, 1_000, large, huge} {
		base := float64(vms) / 1e6
		all = append(all,
			result{VMs: vms, Contender: ours, CPU: n * base, PeakMiB: 20, ToFloor: n, ToHelm: n / 20},
			result{VMs: vms, Contender: floor, CPU: base, ToFloor: 1},
			result{VMs: vms, Contender: helm, CPU: 20 * base, ToFloor: 20},
		)
	}
	return all
}

var everySize = []int{10, 1_000, large, huge}

func verdictOf(t *testing.T, verdicts []verdict, name string) verdict {
	t.Helper()
	for _, v := range verdicts {
		if v.Mark == name {
			return v
		}
	}
	require.Fail(t, "no verdict on "+name)
	return verdict{}
}

func TestJudge(t *testing.T) {
	good := judge(linear(2), everySize)
	require.Len(t, good, len(marks))
	for _, v := range good {
		require.True(t, v.Achieved, v.Doc)
	}
	require.InDelta(t, 10, *verdictOf(t, good, "helm").Figure, 1e-9)
	require.InDelta(t, 1, *verdictOf(t, good, "growth").Figure, 1e-9)

	bad := judge(linear(16), everySize)
	require.False(t, verdictOf(t, bad, "floor").Achieved)
	require.False(t, verdictOf(t, bad, "helm").Achieved)
	require.True(t, verdictOf(t, bad, "memory").Achieved)

	steep := linear(2)
	steep.find(huge, ours).CPU *= 2
	v := verdictOf(t, judge(steep, everySize), "growth")
	require.False(t, v.Achieved)
	require.InDelta(t, 1+math.Log10(2), *v.Figure, 1e-9)
}

func TestOnlyMeasuredSizesAreJudged(t *testing.T) {
	for _, v := range judge(linear(2)[:3], []int{10}) {
		require.Contains(t, []string{"start", "memory"}, v.Mark)
		require.Contains(t, v.Doc, "10 VMs")
	}
}

func TestEnforce(t *testing.T) {
	var noHelm results
	for _, r := range linear(16) {
		if r.Contender != helm {
			noHelm = append(noHelm, r)
		}
	}
	verdicts := judge(noHelm, everySize)
	require.Nil(t, verdictOf(t, verdicts, "helm").Figure)
	require.NoError(t, enforce(verdicts, nil))
	require.NoError(t, enforce(verdicts, []string{"memory", "growth"}))
	require.EqualError(t, enforce(verdicts, []string{"floor"}), "marks missed: CPU at 10,000 VMs, as a multiple of the floor's")
	require.ErrorContains(t, enforce(verdicts, []string{"helm"}), "marks missed: helm's CPU")
	require.ErrorContains(t, enforce(verdicts, []string{"all"}), "; ")
}

func TestOptions(t *testing.T) {
	o, err := parseOptions([]string{"-sizes", "1000,10,10", "-enforce", "-runs=2"}, io.Discard)
	require.NoError(t, err)
	require.Equal(t, options{sizes: []int{10, 1000}, runs: 2, enforce: []string{"all"}}, o)

	o, err = parseOptions([]string{"-enforce=memory,helm"}, io.Discard)
	require.NoError(t, err)
	require.Equal(t, []string{"memory", "helm"}, o.enforce)
	require.Equal(t, []int{10, 100, 1_000, 10_000, 100_000}, o.sizes)

	for _, args := range [][]string{{"-sizes=9"}, {"-sizes=x"}, {"-sizes="}, {"-enforce=speed"}, {"-runs=0"}, {"more"}} {
		_, err := parseOptions(args, io.Discard)
		require.Error(t, err, args)
	}
}
