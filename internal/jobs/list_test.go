package jobs_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/jobs"
)

func TestListPagesNewestFirst(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.client(t)
	ctx := context.Background()
	other := b.db.Tenant(t, "other")
	for range 5 {
		b.enqueue(t, c, b.tenant)
		b.enqueue(t, c, other)
	}
	var seen []int64
	f := jobs.Filter{Tenant: &other, Limit: 2}
	for {
		page, next, err := c.List(ctx, f)
		require.NoError(t, err)
		for _, j := range page {
			require.Equal(t, other, *j.TenantID)
			seen = append(seen, j.ID)
		}
		if next == 0 {
			break
		}
		f.After = next
	}
	require.Equal(t, []int64{10, 8, 6, 4, 2}, seen)
}

func TestListFiltersByWhatPeopleSee(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.client(t)
	ctx := context.Background()
	for range 4 { // two available, two pending
		b.enqueue(t, c, b.tenant)
	}
	b.exec(t, `UPDATE river.river_job SET attempt = 1, scheduled_at = now() + interval '1 hour',
		errors = ARRAY['{"at": "2026-01-02T03:04:05Z", "attempt": 1, "error": "odd", "trace": "main.go"}'::jsonb] WHERE id = 4`)
	cases := map[string]struct {
		filter jobs.Filter
		want   []int64
	}{
		"all":       {jobs.Filter{}, []int64{4, 3, 2, 1}},
		"available": {jobs.Filter{State: "available"}, []int64{2, 1}},
		"pending":   {jobs.Filter{State: "pending"}, []int64{3}},
		"retryable": {jobs.Filter{State: "retryable", Queue: "import", Kind: "import", Tenant: &b.tenant}, []int64{4}},
		"completed": {jobs.Filter{State: "completed"}, nil},
		"queue":     {jobs.Filter{Queue: "export"}, nil},
	}
	for name, tc := range cases {
		page, next, err := c.List(ctx, tc.filter)
		require.NoError(t, err, name)
		require.Zero(t, next, name)
		var got []int64
		for _, j := range page {
			got = append(got, j.ID)
			require.Empty(t, j.Errors, name)
		}
		require.Equal(t, tc.want, got, name)
	}
	for _, f := range []jobs.Filter{{State: "odd"}, {Kind: "odd"}, {Queue: "odd"}, {Limit: 1001}, {Limit: -1}} {
		_, _, err := c.List(ctx, f)
		require.Equal(t, fault.Malformed, fault.CodeOf(err))
	}
	queues, err := c.Queues(ctx)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"available": 2, "pending": 1, "retryable": 1}, queues[0].Counts)

	text, err := json.Marshal(b.job(t, c, 4))
	require.NoError(t, err)
	var shown map[string]any
	require.NoError(t, json.Unmarshal(text, &shown))
	require.Equal(t, "retryable", shown["state"])
	require.Equal(t, []any{map[string]any{"at": "2026-01-02T03:04:05Z", "attempt": 1.0, "error": "odd", "trace": "main.go"}}, shown["errors"])
	for _, key := range []string{"tenant_id", "ref_id", "attempted_by", "args", "finalized_at", "scheduled_at"} {
		require.Contains(t, shown, key)
	}
}
