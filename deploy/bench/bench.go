package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
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

// Seeds of the files: of the second all rows have the keys of the first, and other values.
const fileSeed, changedSeed = 11, 12

// bench is a tenant of its own on the running installation, and a table with a twin for the baseline.
type bench struct {
	rows, rounds int
	large        int // rows of the file for memory
	dir          string
	file         string
	changed      string // the same rows with other values
	admin        string // database URL of the superuser
	service      string // database URL of the service's role
	conn         *pgx.Conn
	psql         string
	tenant       uuid.UUID
	client       client.Client
	worker       int // pid
	columns      string
	figures      []figure
	polled       string // path of the import that was asked for last
}

func newBench(ctx context.Context, rows, rounds int, dir string) (*bench, error) {
	b := &bench{rows: rows, rounds: rounds, admin: os.Getenv("WHARF_ADMIN_DATABASE_URL"), service: os.Getenv("DATABASE_URL"), tenant: uuid.New()}
	var err error
	if b.worker, err = strconv.Atoi(os.Getenv("WHARF_WORKER_PID")); err != nil || b.admin == "" {
		return nil, errors.New("WHARF_ADMIN_DATABASE_URL and WHARF_WORKER_PID are not set; run it by `make bench`")
	}
	if b.psql, err = findPsql(); err != nil {
		return nil, err
	}
	if b.dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if b.file, err = b.wideFile(rows, fileSeed); err != nil {
		return nil, err
	}
	if b.changed, err = b.wideFile(rows, changedSeed); err != nil {
		return nil, err
	}
	if b.columns, err = headerOf(b.file); err != nil {
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

// wideFile makes the file once for each count of rows and seed.
func (b *bench) wideFile(rows int, seed uint64) (path string, err error) {
	return b.keep(fmt.Sprintf("wide-%d-%d.csv", rows, seed), func(w io.Writer) error { return sample.Wide(w, rows, seed) })
}

// keep makes a file that is not there yet.
func (b *bench) keep(name string, write func(io.Writer) error) (path string, err error) {
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return "", err
	}
	path = filepath.Join(b.dir, name)
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		return path, err
	}
	return path, writeFile(path, write)
}

// headerOf gives a file's first line.
func headerOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // read only
	header, err := bufio.NewReader(f).ReadString('\n')
	return strings.TrimSpace(header), err
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
	if _, err := tx.Exec(ctx, `NOTIFY wharf_catalog`); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	return b.awaitTable(ctx)
}

// awaitTable waits until the API has read the catalog with the table in it.
func (b *bench) awaitTable(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		var doc json.RawMessage
		if err := b.client.Do(ctx, http.MethodGet, "/api/v1/tables", nil, &doc); err != nil {
			return err
		}
		if bytes.Contains(doc, []byte(`"`+sample.BenchTable+`"`)) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the API does not see the table %s: %w", sample.BenchTable, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
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
