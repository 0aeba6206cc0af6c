package jobs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/riverqueue/river/rivertype"

	"wharf/internal/fault"
	"wharf/internal/pg"
)

// outcome is what the end of a run makes of its job and of its status row.
type outcome struct {
	state  rivertype.JobState
	status string // for the row: failed, cancelled; "": it is left alone
	reason string // for people
	err    string // for the job's list of errors; "": none
	trace  string
	delay  time.Duration // before the next run
	refund bool          // the attempt does not count
}

// asCancelled keeps the error and cancels the rest.
func (o outcome) asCancelled() outcome {
	return outcome{state: rivertype.JobStateCancelled, status: StatusCancelled, reason: "cancelled", err: o.err, trace: o.trace}
}

// panicError is a panic of a service's Run.
type panicError struct{ value any }

func (e panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// judge says what becomes of a run that returned err. Once its context has ended, the context's cause counts and not the
// error: a file that stops in the middle because of us looks like a broken file.
func (c *Client) judge(ctx context.Context, r run, err error, trace string) outcome {
	if err == nil {
		return outcome{state: rivertype.JobStateCompleted}
	}
	q := c.cfg.Queues[r.kind]
	failed := outcome{err: err.Error(), trace: trace, reason: fmt.Sprintf("internal error; its cause is noted under job %d", r.job)}
	coded, isCoded := fault.As(err)
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, rivertype.ErrJobCancelledRemotely) || errors.Is(cause, ErrCancelled) || errors.Is(err, ErrCancelled):
		return failed.asCancelled()
	case cause != nil && c.stopping.Load() && !errors.Is(cause, context.DeadlineExceeded):
		return outcome{state: rivertype.JobStateAvailable, refund: true}
	case errors.Is(cause, context.DeadlineExceeded):
		failed.reason = fmt.Sprintf("it took longer than %s, which is the limit", q.Timeout)
	case isCoded && permanent(err, coded.Code):
		failed.state, failed.status, failed.reason = rivertype.JobStateCancelled, StatusFailed, inWords(coded)
		return failed
	case isCoded && coded.Code != fault.Internal:
		failed.reason, failed.delay = inWords(coded), coded.RetryAfter
	}
	if r.attempt >= r.max {
		failed.state, failed.status = rivertype.JobStateDiscarded, StatusFailed
		return failed
	}
	failed.state = rivertype.JobStatePending
	failed.delay = max(failed.delay, q.backoff(r.attempt, rand.Float64())) //nolint:gosec // spreads retries; no secret
	return failed
}

// permanent reports whether trying again would bring the same error. A changed product schema is a conflict for a
// caller, but a job reads the catalog anew at its next start.
func permanent(err error, code fault.Code) bool {
	switch code {
	case fault.Invalid, fault.TooLarge, fault.UnsupportedMedia, fault.NotFound, fault.Forbidden, fault.Conflict,
		fault.Malformed, fault.Precondition, fault.Unauthenticated:
		return !errors.Is(err, pg.ErrUndefined)
	case fault.RateLimited, fault.Unavailable, fault.Internal:
		return false
	}
	return false
}

// backoff gives the wait after attempt (1 is the first): base, doubled each time, capped, and spread by up to a fifth.
// random is in [0, 1).
func (q Queue) backoff(attempt int, random float64) time.Duration {
	wait := q.RetryBase
	for range attempt - 1 {
		if wait >= q.RetryCap {
			break
		}
		wait *= 2
	}
	return time.Duration(float64(min(wait, q.RetryCap)) * (1 - random/5))
}

const reasonFields = 5

// inWords gives the public part of a coded error, with the first places that are wrong.
func inWords(e *fault.Error) string {
	words := []string{e.Message}
	for i, f := range e.Fields {
		if i == reasonFields {
			words = append(words, fmt.Sprintf("and %d more", len(e.Fields)-i))
			break
		}
		words = append(words, f.Field+": "+f.Message)
	}
	return strings.Join(words, "; ")
}

const textLimit = 16 << 10 // bytes of an error or a trace that are kept

// clean makes text fit for Postgres, which takes no NUL and no invalid UTF-8.
func clean(s string) string {
	if len(s) > textLimit {
		s = s[:textLimit]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "�"), "\x00", "")
}
