package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"wharf/deploy/client"
	"wharf/internal/sample"
)

// exports measures a full export of the table's rows, against psql's COPY of them as CSV to nowhere.
func (b *bench) exports(ctx context.Context) error {
	if _, err := b.conn.Exec(ctx, `TRUNCATE public.bench_copy`); err != nil {
		return err
	}
	if _, err := b.conn.Exec(ctx, `VACUUM ANALYZE public.`+sample.BenchTable); err != nil {
		return err
	}
	var s sampled
	for range b.rounds {
		base, err := b.runPsql(ctx, fmt.Sprintf(`COPY (SELECT * FROM public.%s WHERE tenant_id = '%s') TO STDOUT CSV HEADER`, sample.BenchTable, b.tenant))
		if err != nil {
			return err
		}
		own, peak, err := b.exportOnce(ctx)
		if err != nil {
			return err
		}
		s.add(own, base, peak)
	}
	b.report("export, JSON", "psql COPY csv", b.rows, s)
	return nil
}

func (b *bench) exportOnce(ctx context.Context) (seconds, peak float64, err error) {
	peakOf, err := watchPeak(b.worker)
	if err != nil {
		return 0, 0, err
	}
	var started client.Status
	if err := b.client.Do(ctx, http.MethodPost, "/api/v1/exports", nil, &started); err != nil {
		return 0, 0, err
	}
	done, err := b.client.Wait(ctx, "/api/v1/exports/"+started.ID, 100*time.Millisecond, func(client.Status) {})
	if err != nil {
		return 0, 0, err
	}
	if done.Status != "completed" || done.Tables[sample.BenchTable] != int64(b.rows) {
		return 0, 0, fmt.Errorf("the export is %s with %d rows of %d", done.Status, done.Tables[sample.BenchTable], b.rows)
	}
	peak, err = peakOf()
	return done.Took().Seconds(), peak, err
}
