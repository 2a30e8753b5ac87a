package main

import (
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Nothing is drawn before the first tick; every tick draws; the end clears the line, once.
func TestProgress(t *testing.T) {
	lines, out := io.Pipe()
	var seen strings.Builder
	buffer := make([]byte, 100)
	next := func() string {
		n, err := lines.Read(buffer)
		require.NoError(t, err)
		seen.Write(buffer[:n])
		return string(buffer[:n])
	}
	tick := make(chan time.Time)
	var objects atomic.Int64
	end := showProgress(out, tick, "building", &objects)
	tick <- time.Time{}
	require.Equal(t, "\rbuilding …\x1b[K", next())
	objects.Store(1)
	tick <- time.Time{}
	require.Equal(t, "\rbuilding … 1 object\x1b[K", next())
	objects.Store(2000)
	tick <- time.Time{}
	require.Equal(t, "\rbuilding … 2000 objects\x1b[K", next())
	ended := make(chan struct{})
	go func() {
		end()
		end()
		_ = out.Close()
		close(ended)
	}()
	require.Equal(t, "\r\x1b[K", next())
	<-ended
}

func TestProgressOfShortWork(t *testing.T) {
	var out strings.Builder
	end := showProgress(&out, make(chan time.Time), "checking", nil)
	end()
	require.Empty(t, out.String())
}

// It is for a terminal that shows nothing else, and for users who did not ask for quiet.
func TestProgressIsForTerminals(t *testing.T) {
	var objects atomic.Int64
	out, errs := new(strings.Builder), new(strings.Builder)
	for _, c := range []struct {
		outTTY, errTTY, quiet, counts, want bool
	}{
		{errTTY: true, counts: true, want: true},
		{errTTY: true, outTTY: true, counts: true, want: false},
		{errTTY: true, outTTY: true, want: true},
		{errTTY: true, quiet: true, counts: true, want: false},
		{counts: true, want: false},
	} {
		a := &app{quiet: c.quiet, Streams: Streams{Out: out, Err: errs, IsTerminal: func(s any) bool {
			return s == any(out) && c.outTTY || s == any(errs) && c.errTTY
		}}}
		counter := &objects
		if !c.counts {
			counter = nil
		}
		require.Equal(t, c.want, a.showsProgress(counter), "%+v", c)
		a.progress("building", counter)()
	}
	require.Empty(t, errs.String())
}
