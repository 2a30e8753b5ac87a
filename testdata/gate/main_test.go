package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the tests lack is counted by its text, the output of a test that passes is left out, and that of one that fails
// is printed with the package's result.
func TestReport(t *testing.T) {
	const events = `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: needs nft: apt-get install nftables\n"}
{"Action":"skip","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    a_test.go:9: needs nft: apt-get install nftables\n"}
{"Action":"skip","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestC","Output":"quiet\n"}
{"Action":"pass","Package":"p","Test":"TestC"}
{"Action":"output","Package":"p","Test":"TestD","Output":"why it fails\n"}
{"Action":"fail","Package":"p","Test":"TestD"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p"}
{"Action":"output","Package":"q","Output":"ok  \tq\t0.1s\n"}
{"Action":"pass","Package":"q"}
not an event
`
	var out strings.Builder
	require.Equal(t, map[string]int{"nft: apt-get install nftables": 2}, report(strings.NewReader(events), &out))
	require.Equal(t, "why it fails\nFAIL\tp\t0.1s\nok  \tq\t0.1s\nnot an event\n", out.String())
}
