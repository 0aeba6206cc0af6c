package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// tracing carries the trace from the request that enqueues to the run that works, in the job's metadata, by W3C's Trace
// Context; each run has a span.
type tracing struct {
	river.MiddlewareDefaults
	tracer trace.Tracer
	format propagation.TraceContext
}

func (t *tracing) InsertMany(ctx context.Context, params []*rivertype.JobInsertParams, insert func(context.Context) ([]*rivertype.JobInsertResult, error)) ([]*rivertype.JobInsertResult, error) {
	carrier := propagation.MapCarrier{}
	t.format.Inject(ctx, carrier)
	if len(carrier) > 0 {
		for _, p := range params {
			merged := map[string]any{}
			if err := json.Unmarshal(p.Metadata, &merged); err != nil {
				return nil, fmt.Errorf("jobs: metadata of a new job: %w", err)
			}
			for k, v := range carrier {
				merged[k] = v
			}
			metadata, err := json.Marshal(merged)
			if err != nil {
				return nil, fmt.Errorf("jobs: metadata of a new job: %w", err)
			}
			p.Metadata = metadata
		}
	}
	return insert(ctx)
}

func (t *tracing) Work(ctx context.Context, job *rivertype.JobRow, work func(context.Context) error) error {
	var m struct {
		Parent string `json:"traceparent"`
		State  string `json:"tracestate"`
	}
	if json.Unmarshal(job.Metadata, &m) == nil { // a job without a readable trace begins its own
		ctx = t.format.Extract(ctx, propagation.MapCarrier{"traceparent": m.Parent, "tracestate": m.State})
	}
	ctx, span := t.tracer.Start(ctx, "job "+job.Kind, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
		attribute.Int64("job.id", job.ID), attribute.String("job.queue", job.Queue), attribute.Int("job.attempt", job.Attempt)))
	defer span.End()
	err := work(ctx)
	if cause := errors.Unwrap(err); cause != nil {
		span.RecordError(cause)
		span.SetStatus(codes.Error, "job failed")
	}
	return err
}
