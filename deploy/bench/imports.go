package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"wharf/deploy/client"
	"wharf/internal/sample"
)

// imports measures a file into a table with two indexes, against psql's \copy of the same file into its twin: rows that
// are new, the same file again, and one that changes every row. Each keeps what it takes to revert it.
func (b *bench) imports(ctx context.Context) error {
	var fresh, again, changed sampled
	for range b.rounds {
		base, err := b.copyIn(ctx)
		if err != nil {
			return err
		}
		if err := b.empty(ctx); err != nil {
			return err
		}
		all := int64(b.rows)
		for _, step := range []struct {
			file string
			want client.Status
			into *sampled
		}{
			{b.file, client.Status{NumCreated: all}, &fresh},
			{b.file, client.Status{NumUnchanged: all}, &again},
			{b.changed, client.Status{NumUpdated: all}, &changed},
		} {
			own, peak, err := b.importFile(ctx, step.file, step.want)
			if err != nil {
				return err
			}
			step.into.add(own, base, peak)
		}
	}
	b.report("import, all rows new", `psql \copy`, b.rows, fresh)
	b.report("import, same file again", `psql \copy`, b.rows, again)
	b.report("import, all rows changed", `psql \copy`, b.rows, changed)
	return nil
}

// memory measures the worker's peak for a large file beside that for the file of all figures, MiB in the place of seconds.
func (b *bench) memory(ctx context.Context) error {
	file, err := b.wideFile(b.large, fileSeed)
	if err != nil {
		return err
	}
	var base, peak float64
	for _, step := range []struct {
		file string
		rows int
		peak *float64
	}{
		{b.file, b.rows, &base}, // what a worker has done before stays in its memory for a while: the second file counts
		{b.file, b.rows, &base},
		{file, b.large, &peak},
	} {
		if err := b.empty(ctx); err != nil {
			return err
		}
		if _, *step.peak, err = b.importFile(ctx, step.file, client.Status{NumCreated: int64(step.rows)}); err != nil {
			return err
		}
	}
	var s sampled
	s.add(peak, base, peak)
	b.report("worker's peak, MiB", fmt.Sprintf("that of %d rows", b.rows), b.large, s)
	return nil
}

// empty empties the table, and lets the database settle.
func (b *bench) empty(ctx context.Context) error {
	_, err := b.conn.Exec(ctx, `TRUNCATE public.`+sample.BenchTable+`; CHECKPOINT`)
	return err
}

func (b *bench) copyIn(ctx context.Context) (float64, error) {
	if _, err := b.conn.Exec(ctx, `TRUNCATE public.bench_copy; CHECKPOINT`); err != nil {
		return 0, err
	}
	return b.runPsql(ctx, b.admin, fmt.Sprintf(`\copy public.bench_copy (%s) FROM '%s' CSV HEADER`, b.columns, b.file))
}

// runPsql gives how long commands of one session take, the client's start left out as far as it can be: it is some milliseconds.
func (b *bench) runPsql(ctx context.Context, database string, commands ...string) (float64, error) {
	args := []string{"-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database}
	for _, c := range commands {
		args = append(args, "-c", c)
	}
	cmd := exec.CommandContext(ctx, b.psql, args...)
	cmd.Stdout = nil // the null device
	var stderr strings.Builder
	cmd.Stderr = &stderr
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("psql: %w: %s", err, stderr.String())
	}
	return time.Since(start).Seconds(), nil
}

// importFile gives seconds from start to completion of the job, and the worker's peak memory meanwhile. want has the counts.
func (b *bench) importFile(ctx context.Context, path string, want client.Status) (seconds, peak float64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = f.Close() }() // read only
	peakOf, err := watchPeak(b.worker)
	if err != nil {
		return 0, 0, err
	}
	started, err := b.client.Import(ctx, filepath.Base(path), f, map[string]string{"table": sample.BenchTable})
	if err != nil {
		return 0, 0, err
	}
	done, err := b.client.Wait(ctx, "/api/v1/imports/"+started.ID, 100*time.Millisecond, func(client.Status) {})
	if err != nil {
		return 0, 0, err
	}
	if done.Status != "completed" || done.NumCreated != want.NumCreated || done.NumUpdated != want.NumUpdated || done.NumUnchanged != want.NumUnchanged {
		why := ""
		if done.Error != nil {
			why = *done.Error
		}
		return 0, 0, fmt.Errorf("the import of %s is %s %s: %d rows created, %d updated, %d unchanged, %d errors: %v",
			filepath.Base(path), done.Status, why, done.NumCreated, done.NumUpdated, done.NumUnchanged, done.NumErrors, done.Errors)
	}
	peak, err = peakOf()
	return done.Took().Seconds(), peak, err
}
