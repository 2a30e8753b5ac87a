package fleet

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/schema/mesh"
)

// TestWaves holds the waves of fleets of many shapes to what they promise.
func TestWaves(t *testing.T) {
	for _, c := range []struct {
		groups [][2]int // VMs and minHealthy of each
		want   []int
	}{
		{[][2]int{{1, 0}}, []int{1}},
		{[][2]int{{1, 1}}, []int{1}},
		{[][2]int{{2, 2}}, []int{1, 1}},
		{[][2]int{{4, 2}}, []int{1, 1, 2}},
		{[][2]int{{4, 9}}, []int{1, 1, 1, 1}},
		{[][2]int{{20, 0}}, []int{1, 2, 10, 7}},
		{[][2]int{{20, 15}}, []int{1, 2, 5, 5, 5, 2}},
		{[][2]int{{3, 2}, {3, 2}, {3, 2}}, []int{1, 1, 3, 2, 2}},
		{[][2]int{{100, 0}, {100, 99}}, nil},
		{[][2]int{{0, 0}}, nil},
	} {
		t.Run(fmt.Sprint(c.groups), func(t *testing.T) {
			var all []host
			for n, g := range c.groups {
				group := &mesh.Group{Name: fmt.Sprint(n), MinHealthy: g[1]}
				for i := range g[0] {
					group.Instances = append(group.Instances, &mesh.Instance{Group: group, Locality: fmt.Sprint("zone-", i%2)})
				}
				for _, i := range group.Instances {
					all = append(all, host{instance: i})
				}
			}
			sizes := waves(all)
			if c.want != nil {
				require.Equal(t, c.want, sizes)
			}
			count := make([]int, len(sizes))
			down := map[[2]any]int{}
			for _, h := range all {
				count[h.wave]++
				at := [2]any{h.instance.Group, h.wave}
				down[at]++
				require.LessOrEqual(t, down[at], spare(h.instance.Group))
			}
			require.Equal(t, count, append([]int{}, sizes...))
			for _, size := range sizes {
				require.Positive(t, size, "an empty wave: Ansible would take all that is left")
			}
		})
	}
}
