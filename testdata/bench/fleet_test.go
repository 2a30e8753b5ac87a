package main

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func fleetOf(t *testing.T, vms int) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, writeFleet(&b, vms))
	return b.String()
}

func TestFleetIsTheSameEveryTime(t *testing.T) {
	require.Equal(t, fleetOf(t, 1000), fleetOf(t, 1000))
}

func TestFleetBeginsWithTheSmallerOne(t *testing.T) {
	require.True(t, strings.HasPrefix(fleetOf(t, 1000), fleetOf(t, 100)))
}

func TestFleetHasItsVMs(t *testing.T) {
	address := regexp.MustCompile(`\{name: vm\d+, address: (10\.\d+\.\d+\.\d+)\}`)
	for _, vms := range []int{10, 20, 25, 1000} {
		t.Run(fmt.Sprint(vms), func(t *testing.T) {
			fleet := fleetOf(t, vms)
			seen := map[string]bool{}
			for _, m := range address.FindAllStringSubmatch(fleet, -1) {
				require.False(t, seen[m[1]], "%s twice", m[1])
				seen[m[1]] = true
			}
			require.Len(t, seen, vms)
			require.Equal(t, (vms+vmsPerWorkload-1)/vmsPerWorkload, strings.Count(fleet, "\n    security:\n"))
		})
	}
}

// The size is part of what the figures mean.
func TestFleetOf10000IsAMegabyteOrSo(t *testing.T) {
	require.InDelta(t, 1_100_000, len(fleetOf(t, 10_000)), 200_000)
}
