package progress

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestReportWritesUntilItIsStopped(t *testing.T) {
	t.Parallel()
	wrote := make(chan struct{})
	stop := Report(context.Background(), func(ctx context.Context) {
		select {
		case wrote <- struct{}{}:
		case <-ctx.Done():
		}
	})
	<-wrote
	<-wrote
	stop()
	stop()
	select {
	case <-wrote:
		require.Fail(t, "a write came after stop")
	default:
	}
}

func TestPace(t *testing.T) {
	t.Parallel()
	at := func(s int) *time.Time {
		when := time.Unix(int64(s), 0)
		return &when
	}
	eta := func(s int64) *int64 { return &s }
	for name, c := range map[string]struct {
		percent        float64
		running        bool
		started, ended *time.Time
		rate           float64
		eta            *int64
	}{
		"not begun":            {50, true, nil, nil, 0, nil},
		"half way":             {50, true, at(0), nil, 10, eta(10)},
		"hardly begun":         {1, true, at(0), nil, 10, nil},
		"ended":                {100, false, at(0), at(5), 20, nil},
		"begun at this moment": {0, true, at(10), nil, 0, nil},
	} {
		rate, left := Pace(100, c.percent, c.running, c.started, c.ended, *at(10))
		require.InDelta(t, c.rate, rate, 1e-9, name)
		require.Equal(t, c.eta, left, name)
	}
}
