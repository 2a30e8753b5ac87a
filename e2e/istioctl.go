package e2e

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// batch is the one process that runs the commands of istioctl. It ends with this one, which closes its input.
var batch struct {
	sync.Mutex
	in  io.Writer
	out *json.Decoder
}

// istioctl runs a command of istioctl, which must succeed, and returns what it printed.
func istioctl(t testing.TB, args ...string) string {
	t.Helper()
	batch.Lock()
	defer batch.Unlock()
	if batch.in == nil {
		process := exec.Command(program("istioctl-batch"))
		process.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + workDir()}
		process.Stderr = io.Discard // its logs: what a command reports is in its result
		in, err := process.StdinPipe()
		require.NoError(t, err)
		out, err := process.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, process.Start())
		batch.in, batch.out = in, json.NewDecoder(out)
	}
	require.NoError(t, json.NewEncoder(batch.in).Encode(args))
	var result struct {
		Out, Err string
		Failed   bool
	}
	require.NoError(t, batch.out.Decode(&result), "istioctl %s", strings.Join(args, " "))
	require.False(t, result.Failed, "istioctl %s\n%s%s", strings.Join(args, " "), result.Out, result.Err)
	return result.Out
}
