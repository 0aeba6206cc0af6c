package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"wharf/deploy/client"
	"wharf/internal/sample"
)

// exports measures whole jobs in each format, against psql's COPY of the same rows as CSV to nowhere, and the same rows in a
// hundred tables against them in one.
func (b *bench) exports(ctx context.Context) error {
	if err := b.fill(ctx); err != nil {
		return err
	}
	formats := []string{"json", "jsonl", "csv", "xlsx"}
	measured := map[string]*sampled{}
	one := []string{sample.BenchTable}
	for range b.rounds {
		base, err := b.copyOut(ctx)
		if err != nil {
			return err
		}
		for _, format := range formats {
			own, peak, err := b.exportOnce(ctx, format, one)
			if err != nil {
				return err
			}
			if measured[format] == nil {
				measured[format] = &sampled{}
			}
			measured[format].add(own, base, peak)
		}
	}
	for _, format := range formats {
		b.report("export, "+strings.ToUpper(format), "psql COPY csv", b.rows, *measured[format])
	}
	return b.manyTables(ctx)
}

// copyOut gives how long psql takes, as the service under row security.
func (b *bench) copyOut(ctx context.Context) (float64, error) {
	return b.runPsql(ctx, b.service, fmt.Sprintf(`SELECT set_config('app.tenant_id', '%s', false)`, b.tenant),
		fmt.Sprintf(`COPY (SELECT * FROM public.%s) TO STDOUT CSV HEADER`, sample.BenchTable))
}

// fill has the table hold the file's rows, and the twin none.
func (b *bench) fill(ctx context.Context) error {
	var rows int
	if err := b.conn.QueryRow(ctx, `SELECT count(*) FROM public.`+sample.BenchTable).Scan(&rows); err != nil {
		return err
	}
	if rows != b.rows {
		if _, err := b.copyIn(ctx); err != nil {
			return err
		}
		if _, err := b.conn.Exec(ctx, fmt.Sprintf(`TRUNCATE public.%[1]s; INSERT INTO public.%[1]s SELECT * FROM public.bench_copy`, sample.BenchTable)); err != nil {
			return err
		}
	}
	if _, err := b.conn.Exec(ctx, `TRUNCATE public.bench_copy`); err != nil {
		return err
	}
	_, err := b.conn.Exec(ctx, `VACUUM ANALYZE public.`+sample.BenchTable)
	return err
}

const pieces = 100

// manyTables measures the rows spread over a hundred tables.
func (b *bench) manyTables(ctx context.Context) (err error) {
	var names []string
	for i := range pieces {
		names = append(names, fmt.Sprintf("bench_piece_%d", i))
	}
	defer func() {
		_, dropErr := b.conn.Exec(context.WithoutCancel(ctx), `DROP TABLE IF EXISTS public.`+strings.Join(names, ", public."))
		err = errors.Join(err, dropErr)
	}()
	for i, name := range names {
		if _, err := b.conn.Exec(ctx, fmt.Sprintf(`CREATE TABLE public.%[1]s (LIKE public.%[2]s INCLUDING ALL);
			INSERT INTO public.%[1]s SELECT * FROM public.%[2]s WHERE right(external_id, 2)::int %% %[3]d = %[4]d;
			ALTER TABLE public.%[1]s ENABLE ROW LEVEL SECURITY;
			CREATE POLICY tenant_wall ON public.%[1]s USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));
			GRANT SELECT ON public.%[1]s TO wharf_service`, name, sample.BenchTable, pieces, i)); err != nil {
			return err
		}
	}
	if _, err := b.conn.Exec(ctx, `VACUUM ANALYZE`); err != nil {
		return err
	}
	var s sampled
	for range b.rounds {
		base, _, err := b.exportOnce(ctx, "json", []string{sample.BenchTable})
		if err != nil {
			return err
		}
		own, peak, err := b.exportOnce(ctx, "json", names)
		if err != nil {
			return err
		}
		s.add(own, base, peak)
	}
	b.report(fmt.Sprintf("export, JSON, %d tables", pieces), "in one table", b.rows, s)
	return nil
}

// exportOnce gives the seconds and the worker's peak memory of one export of the tables, which hold the rows.
func (b *bench) exportOnce(ctx context.Context, format string, tables []string) (seconds, peak float64, err error) {
	peakOf, err := watchPeak(b.worker)
	if err != nil {
		return 0, 0, err
	}
	var started client.Status
	asked := map[string]any{"scope": "tables", "tables": tables, "format": format}
	if err := b.client.Do(ctx, http.MethodPost, "/api/v1/exports", asked, &started); err != nil {
		return 0, 0, err
	}
	done, err := b.client.Wait(ctx, "/api/v1/exports/"+started.ID, 100*time.Millisecond, func(client.Status) {})
	if err != nil {
		return 0, 0, err
	}
	if done.Status != "completed" || done.NumRows != int64(b.rows) {
		return 0, 0, fmt.Errorf("the export is %s with %d rows of %d", done.Status, done.NumRows, b.rows)
	}
	peak, err = peakOf()
	return done.Took().Seconds(), peak, err
}
