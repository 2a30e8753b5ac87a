package main

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

// holdSignals is [Streams.Hold] of the real process. A second signal ends it at once, and so does the first after release.
func holdSignals() (<-chan struct{}, func()) {
	var ends []os.Signal
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) { // as nohup does
			ends = append(ends, s)
		}
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, ends...)
	interrupted, done, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var came os.Signal
	go func() {
		defer close(over)
		select {
		case came = <-signals:
			signal.Stop(signals)
			close(interrupted)
		case <-done:
		}
	}()
	return interrupted, func() {
		close(done)
		<-over
		signal.Stop(signals)
		if came == nil {
			return
		}
		if self, err := os.FindProcess(os.Getpid()); err == nil && self.Signal(came) == nil {
			time.Sleep(time.Second) // it arrives meanwhile
		}
		os.Exit(exitIO)
	}
}
