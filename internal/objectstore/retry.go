package objectstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

const (
	firstDelay = 100 * time.Millisecond
	lastDelay  = 2 * time.Second
)

// delay is the nominal wait before retry n, counted from 0: 100 ms, doubled up to 2 s.
func delay(n int) time.Duration {
	if n > 10 {
		return lastDelay
	}
	return min(firstDelay<<n, lastDelay)
}

// jittered spreads d by a fifth either way, so that parts that failed together do not return together.
func jittered(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64())) // spreads load, guards nothing
}

// retries is how many delays fit into the patience; at least one.
func retries(patience time.Duration) int {
	n, total := 0, time.Duration(0)
	for total < patience {
		total += delay(n)
		n++
	}
	return max(n, 1)
}

// retryer repeats a request for the patience. The SDK's own token bucket is off: it is shared by all requests of a
// client, and would end the patience of many uploads at once after a few seconds of outage.
func retryer(patience time.Duration) aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = 1 + retries(patience)
		o.RateLimiter = ratelimit.None
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
			return jittered(delay(attempt - 1)), nil
		})
		o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(tooManyRequests)}, o.Retryables...)
	})
}

// tooManyRequests adds 429, which S3-compatible stores answer where S3 itself says 503.
func tooManyRequests(err error) aws.Ternary {
	var status interface{ HTTPStatusCode() int }
	if errors.As(err, &status) && status.HTTPStatusCode() == 429 {
		return aws.TrueTernary
	}
	return aws.UnknownTernary
}

// wait sleeps for d or until ctx ends, and says which by its error.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err() //nolint:wrapcheck // the callers know what they waited for
	}
}
