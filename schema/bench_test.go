package schema

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fleet is a spec of that many VMs, twenty to a workload.
func fleet(vms int) []byte {
	var b strings.Builder
	b.WriteString("apiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\nmetadata:\n  name: fleet\nspec:\n  istio:\n    version: 1.31.1\n  workloads:\n")
	for w := range vms / 20 {
		fmt.Fprintf(&b, "  - name: w%d\n    ports:\n    - name: http\n      port: 8080\n    groups:\n    - name: g%d\n      instances:\n", w, w)
		for i := range 20 {
			fmt.Fprintf(&b, "      - name: vm-%d-%d\n        address: 10.%d.%d.%d\n        locality: us-west1/zone-a\n        labels:\n          rack: r%d\n",
				w, i, w/256, w%256, i+1, i)
		}
	}
	return []byte(b.String())
}

// BenchmarkFleet times what this room does with 10,000 VMs.
func BenchmarkFleet(b *testing.B) {
	src := fleet(10_000)
	d := parseOne(b, string(src))
	b.Run("validate", func(b *testing.B) {
		for b.Loop() {
			require.Empty(b, d.Validate())
		}
	})
	b.Run("judge", func(b *testing.B) { // what Validate spares a document that plainly fits
		for b.Loop() {
			require.Empty(b, d.judge())
		}
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			_, findings := d.Decode()
			require.Empty(b, findings)
		}
	})
	m, _ := d.Decode()
	b.Run("default", func(b *testing.B) {
		for b.Loop() {
			Default(m)
		}
	})
	b.Run("unfinished", func(b *testing.B) {
		for b.Loop() {
		}
	})
}

// BenchmarkOneFault is a fleet with one fault in it: the validator has to look at all of it.
func BenchmarkOneFault(b *testing.B) {
	d := parseOne(b, strings.Replace(string(fleet(10_000)), "port: 8080", "port: 80800", 1))
	for b.Loop() {
		require.Len(b, d.Validate(), 1)
	}
}

// BenchmarkStart is what a run pays before it reads anything: the tree of fields, and the validator where there is a fault.
func BenchmarkStart(b *testing.B) {
	b.Run("fields", func(b *testing.B) {
		for b.Loop() {
			readFields()
		}
	})
	b.Run("validator", func(b *testing.B) {
		for b.Loop() {
			compile()
		}
	})
}
