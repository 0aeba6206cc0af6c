package jobs

import (
	"context"
	"sync"
	"sync/atomic"
)

// run is one attempt at a job by one worker: what every write at its end is fenced by.
type run struct {
	job     int64
	attempt int
	worker  string
	kind    string
	max     int // attempts allowed
	target  target
}

// activeRun is a run of this process.
type activeRun struct {
	run
	cancel    context.CancelCauseFunc
	completed atomic.Bool // Complete did its part: the job may be over while Run still tidies up
}

type runKey struct {
	job     int64
	attempt int
}

// activeRuns holds the runs of this process until their end is written.
type activeRuns struct {
	mu   sync.Mutex
	runs map[runKey]*activeRun
}

func (s *activeRuns) add(r run, cancel context.CancelCauseFunc) *activeRun {
	a := &activeRun{run: r, cancel: cancel}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runs == nil {
		s.runs = map[runKey]*activeRun{}
	}
	s.runs[runKey{r.job, r.attempt}] = a
	return a
}

func (s *activeRuns) remove(a *activeRun) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.runs, runKey{a.job, a.attempt})
}

func (s *activeRuns) snapshot() map[runKey]*activeRun {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := make(map[runKey]*activeRun, len(s.runs))
	for k, a := range s.runs {
		c[k] = a
	}
	return c
}
