package jobs_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"wharf/internal/jobs"
)

func TestTraceGoesFromTheRequestToTheRun(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	seen := make(chan trace.TraceID, 2)
	b.service.work = func(ctx context.Context, in txFunc, id uuid.UUID, complete jobs.Complete) error {
		seen <- trace.SpanContextFromContext(ctx).TraceID()
		return merge(in, id, complete)
	}
	c := b.start(t)
	want := trace.TraceID{1, 2, 3}
	ctx := trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: want, SpanID: trace.SpanID{4}, TraceFlags: trace.FlagsSampled,
	}))
	id := uuid.New()
	err := inTenant(b.pool)(ctx, b.tenant, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, insertImport, id, b.tenant); err != nil {
			return err
		}
		_, err := c.Enqueue(ctx, tx, jobs.KindImport, b.tenant, id)
		return err
	})
	require.NoError(t, err)
	require.Equal(t, want, receive(t, seen))

	b.enqueue(t, c, b.tenant)
	require.Zero(t, receive(t, seen), "without a trace at the start there is none to follow")
}
