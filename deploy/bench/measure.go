package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/deploy/client"
	"wharf/internal/auth"
	"wharf/internal/sample"
	"wharf/internal/tenancy"
)

const fileSeed = 11

// bench is a tenant of its own on the running installation, and a table with a twin for the baseline.
type bench struct {
	rows, rounds int
	file         string
	admin        string // database URL of the superuser
	conn         *pgx.Conn
	psql         string
	tenant       uuid.UUID
	client       client.Client
	worker       int // pid
	columns      string
	figures      []figure
}

func newBench(ctx context.Context, rows, rounds int, dir string) (*bench, error) {
	b := &bench{rows: rows, rounds: rounds, admin: os.Getenv("WHARF_ADMIN_DATABASE_URL"), tenant: uuid.New()}
	var err error
	if b.worker, err = strconv.Atoi(os.Getenv("WHARF_WORKER_PID")); err != nil || b.admin == "" {
		return nil, errors.New("WHARF_ADMIN_DATABASE_URL and WHARF_WORKER_PID are not set; run it by `make bench`")
	}
	if b.psql, err = findPsql(); err != nil {
		return nil, err
	}
	if b.file, b.columns, err = wideFile(dir, rows); err != nil {
		return nil, err
	}
	if b.conn, err = pgx.Connect(ctx, b.admin); err != nil {
		return nil, err
	}
	return b, b.prepare(ctx)
}

// findPsql gives the client of the server that runs here.
func findPsql() (string, error) {
	if path, err := exec.LookPath("psql"); err == nil {
		return path, nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/psql")
	if err != nil || len(found) == 0 {
		return "", errors.New("psql, which the baselines need, is neither on PATH nor in /usr/lib/postgresql")
	}
	return found[len(found)-1], nil
}

// wideFile makes the file once for each count of rows, and gives its header.
func wideFile(dir string, rows int) (path, header string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", "", err
	}
	if path, err = filepath.Abs(filepath.Join(dir, fmt.Sprintf("wide-%d.csv", rows))); err != nil {
		return "", "", err
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		if err := writeFile(path, func(w io.Writer) error { return sample.Wide(w, rows, fileSeed) }); err != nil {
			return "", "", err
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return "", "", err
	}
	defer func() { _ = f.Close() }() // read only
	header, err = bufio.NewReader(f).ReadString('\n')
	return path, strings.TrimSpace(header), err
}

func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path + ".new")
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// prepare makes the tenant, its key and the tables, owned as a product's would be.
func (b *bench) prepare(ctx context.Context) error {
	tx, err := b.conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	if err := b.drop(ctx, tx); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO wharf.tenants (id, slug, name) VALUES ($1, $2, 'Bench')`, b.tenant, "bench-"+b.tenant.String()[:8])
	if err != nil {
		return err
	}
	b.client.URL = os.Getenv("WHARF_URL")
	if _, b.client.Key, err = auth.CreateKey(ctx, tx, auth.KeySpec{Tenant: b.tenant, Name: "bench", Role: tenancy.Owner}); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `SET LOCAL ROLE wharf_owner`); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, sample.BenchTableDDL); err != nil {
		return err
	}
	// The twin has the same columns and indexes; its rows get their tenant by default, since \copy cannot give it.
	_, err = tx.Exec(ctx, fmt.Sprintf(`CREATE TABLE public.bench_copy (LIKE public.%s INCLUDING ALL);
		ALTER TABLE public.bench_copy ALTER COLUMN tenant_id SET DEFAULT '%s';
		COMMENT ON TABLE public.bench_copy IS 'Baseline of the benchmarks.'`, sample.BenchTable, b.tenant))
	if err != nil {
		return err
	}
	return tx.Commit(ctx)
}

func (b *bench) drop(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `DROP TABLE IF EXISTS public.bench_copy; DROP TABLE IF EXISTS public.`+sample.BenchTable)
	return err
}

// clean removes what prepare made.
func (b *bench) clean(ctx context.Context) error {
	tx, err := b.conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if err := b.drop(ctx, tx); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM wharf.api_keys WHERE tenant_id = $1`, b.tenant); err != nil {
		return err
	}
	return errors.Join(tx.Commit(ctx), b.conn.Close(ctx))
}

// imports measures a file into a table with two indexes, against psql's \copy of the same file into its twin.
func (b *bench) imports(ctx context.Context) error {
	var s sampled
	for range b.rounds {
		base, err := b.copyIn(ctx)
		if err != nil {
			return err
		}
		if _, err := b.conn.Exec(ctx, `TRUNCATE public.`+sample.BenchTable+`; CHECKPOINT`); err != nil {
			return err
		}
		own, peak, err := b.importOnce(ctx)
		if err != nil {
			return err
		}
		s.own, s.base, s.peak = append(s.own, own), append(s.base, base), append(s.peak, peak)
	}
	b.report("import, all rows new", `psql \copy`, s)
	return nil
}

func (b *bench) copyIn(ctx context.Context) (float64, error) {
	if _, err := b.conn.Exec(ctx, `TRUNCATE public.bench_copy; CHECKPOINT`); err != nil {
		return 0, err
	}
	return b.runPsql(ctx, fmt.Sprintf(`\copy public.bench_copy (%s) FROM '%s' CSV HEADER`, b.columns, b.file))
}

// runPsql gives how long one command takes, the client's start left out as far as it can be: it is some milliseconds.
func (b *bench) runPsql(ctx context.Context, command string) (float64, error) {
	cmd := exec.CommandContext(ctx, b.psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", b.admin, "-c", command)
	cmd.Stdout = nil // the null device
	var stderr strings.Builder
	cmd.Stderr = &stderr
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("psql: %w: %s", err, stderr.String())
	}
	return time.Since(start).Seconds(), nil
}

// importOnce gives seconds from start to completion of the job, and the worker's peak memory meanwhile.
func (b *bench) importOnce(ctx context.Context) (seconds, peak float64, err error) {
	f, err := os.Open(b.file)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = f.Close() }() // read only
	peakOf, err := watchPeak(b.worker)
	if err != nil {
		return 0, 0, err
	}
	started, err := b.client.Import(ctx, filepath.Base(b.file), f, map[string]string{"table": sample.BenchTable})
	if err != nil {
		return 0, 0, err
	}
	done, err := b.client.Wait(ctx, "/api/v1/imports/"+started.ID, 100*time.Millisecond, func(client.Status) {})
	if err != nil {
		return 0, 0, err
	}
	if done.Status != "completed" || done.NumCreated != int64(b.rows) {
		return 0, 0, fmt.Errorf("the import is %s with %d rows created of %d, %d errors: %v", done.Status, done.NumCreated, b.rows, done.NumErrors, done.Errors)
	}
	peak, err = peakOf()
	return done.Took().Seconds(), peak, err
}

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
		s.own, s.base, s.peak = append(s.own, own), append(s.base, base), append(s.peak, peak)
	}
	b.report("export, JSON", "psql COPY csv", s)
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

// watchPeak resets the kernel's note of a process's peak memory (proc(5), clear_refs), and gives a func that reads it, in
// MiB. Where there is no /proc it reads 0.
func watchPeak(pid int) (func() (float64, error), error) {
	dir := fmt.Sprintf("/proc/%d/", pid)
	if _, err := os.Stat("/proc/self/status"); errors.Is(err, os.ErrNotExist) {
		return func() (float64, error) { return 0, nil }, nil
	}
	if err := os.WriteFile(dir+"clear_refs", []byte("5"), 0); err != nil {
		return nil, fmt.Errorf("watch the worker's memory: %w", err)
	}
	return func() (float64, error) {
		status, err := os.ReadFile(dir + "status")
		if err != nil {
			return 0, err
		}
		for line := range strings.Lines(string(status)) {
			if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
				kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
				return kb / 1024, err
			}
		}
		return 0, errors.New("the worker's memory is not in /proc")
	}, nil
}
