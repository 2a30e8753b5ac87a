package mesh

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseRelease(t *testing.T) {
	for text, want := range map[string]Release{"1.24.0": {24, 0}, "1.31.1": {31, 1}, "1.30.12": {30, 12}, "1.32.0": {32, 0}} {
		got, ok := ParseRelease(text)
		require.True(t, ok, text)
		require.Equal(t, want, got)
		require.Equal(t, text, got.String())
	}
	for _, text := range []string{"", "1.31", "1.23.9", "1.100.0", "2.31.1", "1.31.01", "1.31.-1", "1.31.1-rc.1", "v1.31.1", "1.31.1.0"} {
		_, ok := ParseRelease(text)
		require.False(t, ok, text)
	}
}

func TestReleaseOrder(t *testing.T) {
	require.True(t, Release{31, 0}.Newer(Release{30, 9}))
	require.True(t, Release{31, 2}.Newer(Release{31, 1}))
	require.False(t, Release{31, 1}.Newer(Release{31, 1}))
	require.False(t, Release{30, 9}.Newer(Release{31, 0}))
}

// What differs by release, at the borders.
func TestReleaseTable(t *testing.T) {
	before, since := Release{Minor: 24, Patch: 9}, Release{Minor: 25}
	require.False(t, before.SourceServiceAccounts())
	require.True(t, since.SourceServiceAccounts())
	require.False(t, before.AllocatesAddresses())
	require.True(t, since.AllocatesAddresses())
	require.Equal(t, "istio-locality", Release{Minor: 28, Patch: 9}.LocalityLabel())
	require.Equal(t, "topology.istio.io/locality", Release{Minor: 29}.LocalityLabel())
	for minor := OldestMinor; minor <= NewestMinor; minor++ {
		r := Release{Minor: minor}
		require.Equal(t, []string{"networking.istio.io/v1", "security.istio.io/v1", "telemetry.istio.io/v1"},
			[]string{r.NetworkingVersion(), r.SecurityVersion(), r.TelemetryVersion()})
	}
}

// The table has a source for each row, and a border on which the two sides differ.
func TestChanges(t *testing.T) {
	names := map[string]bool{}
	for _, c := range Changes {
		require.False(t, names[c.Name], c.Name)
		names[c.Name] = true
		require.NotEmpty(t, c.What, c.Name)
		require.NotEmpty(t, c.Source, c.Name)
		require.True(t, c.has(c.First) && c.has(Release{NewestMinor, 0}), c.Name)
		require.False(t, c.has(Release{c.First.Minor - 1, 0}), c.Name)
		for _, patch := range c.Also {
			require.True(t, c.has(patch) && !c.has(Release{patch.Minor, patch.Patch - 1}), c.Name)
		}
	}
	for _, f := range Faults {
		require.NotEmpty(t, f.Source, f.Name)
		require.Equal(t, f.First.Minor, f.Good.Minor, f.Name)
		require.Equal(t, f, f.First.fault(f.Name))
		require.Equal(t, f, f.Last.fault(f.Name))
		require.Nil(t, f.Good.fault(f.Name))
		require.True(t, f.Good.Newer(f.Last))
	}
	for _, since := range newVariables {
		require.True(t, since > OldestMinor && since <= NewestMinor)
	}
}

// A release that is newer than the table is treated as its newest one.
func TestNewerThanTheTable(t *testing.T) {
	newer, newest := Release{NewestMinor + 1, 0}, Release{NewestMinor, 0}
	require.False(t, newer.Known())
	require.True(t, newest.Known())
	for _, c := range Changes {
		require.Equal(t, c.has(newest), c.has(newer), c.Name)
	}
	require.Equal(t, newest.LocalityLabel(), newer.LocalityLabel())
	require.Equal(t, newest.SourceServiceAccounts(), newer.SourceServiceAccounts())
}
