package main

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// progress shows on a terminal that work goes on, once it takes longer than a second: the verb and, where there is a
// counter, the number of objects so far. The function that it returns ends it and clears the line; it may be called
// more than once.
func (a *app) progress(verb string, objects *atomic.Int64) (done func()) {
	if !a.showsProgress(objects) {
		return func() {}
	}
	ticker := time.NewTicker(time.Second)
	end := showProgress(a.Err, ticker.C, verb, objects)
	return func() {
		ticker.Stop()
		end()
	}
}

// showsProgress tells whether anybody sees it. A build whose objects go to a terminal too shows none: a line that comes
// and goes would tear them.
func (a *app) showsProgress(objects *atomic.Int64) bool {
	streams := objects != nil && a.IsTerminal(a.Out)
	return !a.quiet && a.IsTerminal(a.Err) && !streams
}

// showProgress draws the line at every tick, until the function that it returns is called.
func showProgress(w io.Writer, tick <-chan time.Time, verb string, objects *atomic.Int64) (end func()) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		shown := false
		for {
			select {
			case <-tick:
				line := verb + " …"
				if objects != nil && objects.Load() > 0 {
					line += " " + count(int(objects.Load()), "object")
				}
				fmt.Fprint(w, "\r"+line+"\x1b[K")
				shown = true
			case <-stop:
				if shown {
					fmt.Fprint(w, "\r\x1b[K")
				}
				return
			}
		}
	}()
	ended := false
	return func() {
		if !ended {
			ended = true
			close(stop)
			<-stopped
		}
	}
}
