// Package progress tells people how work that takes its time comes along. Imports and exports share it.
package progress

import (
	"context"
	"time"
)

// reportEvery is how often progress is written.
const reportEvery = 500 * time.Millisecond

// Report calls write twice a second until ctx ends or stop is called, which may be called again and returns after the last
// write. What write cannot write is made good by the next: progress is for people.
func Report(ctx context.Context, write func(ctx context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(reportEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				write(ctx)
			}
		}
	}()
	return func() { cancel(); <-done }
}

// Pace gives the rows a second of work that began at started (nil: not yet) and, if it is running and has come past the
// first percent, the seconds it still needs. ended is when it ended; nil: it goes on at now.
func Pace(rows int64, percent float64, running bool, started, ended *time.Time, now time.Time) (rowsPerSecond float64, etaSeconds *int64) {
	if started == nil {
		return 0, nil
	}
	if ended != nil {
		now = *ended
	}
	elapsed := now.Sub(*started).Seconds()
	if elapsed > 0 {
		rowsPerSecond = float64(rows) / elapsed
	}
	if running && percent > 1 {
		eta := int64(elapsed * (100 - percent) / percent)
		etaSeconds = &eta
	}
	return rowsPerSecond, etaSeconds
}
