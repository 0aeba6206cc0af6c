package exporter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/objectstore"
	"wharf/internal/tenancy"
)

// Complete ends the job in the transaction that finishes the export.
type Complete = func(ctx context.Context, tx pgx.Tx) error

// run is one run of an export's job.
type run struct {
	s        *Service
	p        tenancy.Principal
	row      row
	req      Request
	complete Complete

	tables   map[string]int64 // rows written
	warnings []string
	at       time.Time // of the snapshot
	slug     string
	rows     atomic.Int64
	total    atomic.Int64
}

// Run writes an export's object and finishes its row. It may be run again after any failure: each run writes an object of
// its own, and only the one whose row commits stays.
func (s *Service) Run(ctx context.Context, tenant, id uuid.UUID, complete func(ctx context.Context, tx pgx.Tx) error) error {
	r := &run{s: s, p: tenancy.System(tenant), complete: complete, tables: map[string]int64{}}
	if ended, err := r.begin(ctx, id); ended || err != nil {
		return err
	}
	stop := r.reportProgress(ctx)
	defer stop()
	obj, err := r.put(ctx)
	if err != nil {
		return err
	}
	stop()
	if err := r.finish(ctx, obj); err != nil {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_ = s.cfg.Objects.Delete(clean, obj.Key) // of no use without its row; swept if this fails
		return err
	}
	return nil
}

func (r *run) begin(ctx context.Context, id uuid.UUID) (ended bool, err error) {
	err = tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) error {
		if r.row, err = readExport(ctx, tx, lockExport, r.p.Tenant, id); err != nil {
			return err
		}
		if Final(r.row.Status) {
			ended = true
			return r.complete(ctx, tx)
		}
		r.row, err = readExport(ctx, tx, beginExport, r.p.Tenant, id)
		return err
	})
	if err != nil || ended {
		return ended, err
	}
	if err := json.Unmarshal(r.row.Request, &r.req); err != nil {
		return false, fmt.Errorf("exporter: read request of %s: %w", id, err)
	}
	return false, nil
}

// put streams the document into the store: what is read on one side of the pipe is uploaded on the other.
func (r *run) put(ctx context.Context) (objectstore.Object, error) {
	pr, pw := io.Pipe()
	wrote := make(chan error, 1)
	go func() {
		err := r.document(ctx, pw)
		pw.CloseWithError(err) // nil reads as io.EOF
		wrote <- err
	}()
	obj, err := r.s.cfg.Objects.Put(ctx, objectstore.Key(r.p.Tenant, "exports", "export.json"), "application/json", pr)
	pr.CloseWithError(errUploadEnded)
	if readErr := <-wrote; readErr != nil && !errors.Is(readErr, errUploadEnded) {
		return objectstore.Object{}, readErr
	}
	if err != nil {
		return objectstore.Object{}, fmt.Errorf("exporter: upload: %w", err)
	}
	return obj, nil
}

var errUploadEnded = errors.New("exporter: the upload ended first")

// snapshotMode is the transaction that every row of an export is read in.
var snapshotMode = pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}

// document writes the flat JSON document: one key a table, between the envelope and the counts.
func (r *run) document(ctx context.Context, out io.Writer) error {
	tx, err := r.s.cfg.Pool.BeginTx(ctx, snapshotMode)
	if err != nil {
		return fmt.Errorf("exporter: begin snapshot: %w", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // read only: nothing to commit
	if err := r.s.cfg.DB.Enter(ctx, tx, r.p.Tenant); err != nil {
		return err //nolint:wrapcheck // a sentence of its own
	}
	w := newWriter(out)
	if err := r.envelope(ctx, tx, w); err != nil {
		return err
	}
	err = r.s.cfg.DB.AsProduct(ctx, tx, r.p, func(ctx context.Context, tx pgx.Tx) error { return r.allTables(ctx, tx, w) })
	if err != nil {
		return err //nolint:wrapcheck // names the table
	}
	w.key("counts")
	if err := w.value(r.tables); err != nil {
		return err
	}
	return w.end()
}

// allTables writes every table of the catalog as the snapshot has it.
func (r *run) allTables(ctx context.Context, tx pgx.Tx, w *writer) error {
	snap, err := r.s.cfg.Catalog(ctx, tx)
	if err != nil {
		return err
	}
	if err := readable(snap.Tables); err != nil {
		return err
	}
	if err := r.estimate(ctx, tx, snap.Tables); err != nil {
		return err
	}
	for _, t := range snap.Tables {
		if err := r.table(ctx, tx, w, t); err != nil {
			return err
		}
	}
	return nil
}

// readable fails the export by name if the service's role may not read a table: it must not vanish.
func readable(tables []*catalog.Table) error {
	for _, t := range tables {
		if !t.Readable {
			return fault.Newf(fault.Forbidden, "the table %s cannot be read by the service's role; grant SELECT on it", t.Name)
		}
	}
	return nil
}

const envelopeFacts = `SELECT now(), coalesce((SELECT to_jsonb(t) FROM %s t WHERE t.id = $1), '{}'),
coalesce((SELECT t.slug::text FROM %s t WHERE t.id = $1), 'workspace')`

func (r *run) envelope(ctx context.Context, tx pgx.Tx, w *writer) error {
	name := qualified(r.s.cfg.TenantTable)
	var workspace json.RawMessage
	if err := tx.QueryRow(ctx, fmt.Sprintf(envelopeFacts, name, name), r.p.Tenant).Scan(&r.at, &workspace, &r.slug); err != nil {
		return fmt.Errorf("exporter: read tenant: %w", err)
	}
	for _, part := range []struct {
		key   string
		value any
	}{
		{"schema_version", 1},
		{"wharf_version", r.s.cfg.Version},
		{"exported_at", r.at.UTC().Format(time.RFC3339Nano)},
		{"scope", r.req.Scope},
		{"workspace", workspace},
	} {
		w.key(part.key)
		if err := w.value(part.value); err != nil {
			return err
		}
	}
	return nil
}

// table writes one table's rows. The statement carries the tenant predicate beside row security.
func (r *run) table(ctx context.Context, tx pgx.Tx, w *writer, t *catalog.Table) error {
	cols := columnsOf(t)
	rows, err := tx.Query(ctx, selectTable(t, cols), pgx.QueryResultFormats{pgx.BinaryFormatCode}, r.p.Tenant)
	if err != nil {
		return fmt.Errorf("exporter: read %s: %w", t.Name, err)
	}
	defer rows.Close()
	w.beginTable(t.Name)
	var n int64
	for rows.Next() {
		if err := w.row(cols, rows.RawValues()); err != nil {
			return fmt.Errorf("exporter: write %s: %w", t.Name, err)
		}
		n++
		r.rows.Add(1)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("exporter: read %s: %w", t.Name, err)
	}
	w.endTable()
	r.tables[t.Name] = n
	return nil
}

// estimate sums what the planner expects, for the progress line.
func (r *run) estimate(ctx context.Context, tx pgx.Tx, tables []*catalog.Table) error {
	var batch pgx.Batch
	var total float64
	for _, t := range tables {
		batch.Queue(`EXPLAIN (FORMAT json) SELECT FROM ` + t.Ident() + ` x WHERE ` + t.TenantPredicate("x", "'"+r.p.Tenant.String()+"'::uuid")).
			QueryRow(func(row pgx.Row) error {
				var plans []struct {
					Plan struct {
						Rows float64 `json:"Plan Rows"`
					} `json:"Plan"`
				}
				if err := row.Scan(&plans); err != nil {
					return fmt.Errorf("exporter: estimate: %w", err)
				}
				total += plans[0].Plan.Rows
				return nil
			})
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("exporter: estimate: %w", err)
	}
	r.total.Store(int64(total))
	return nil
}

// finish writes what the export is, in the transaction that ends its job.
func (r *run) finish(ctx context.Context, obj objectstore.Object) error {
	tables, err := json.Marshal(r.tables)
	if err != nil {
		return fmt.Errorf("exporter: encode counts: %w", err)
	}
	warnings, err := json.Marshal(append([]string{}, r.warnings...))
	if err != nil {
		return fmt.Errorf("exporter: encode warnings: %w", err)
	}
	name := r.slug + "-" + r.at.UTC().Format(time.DateOnly) + ".json"
	return tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) error {
		now, err := readExport(ctx, tx, lockExport, r.p.Tenant, r.row.ID)
		if err != nil {
			return err
		}
		if now.Status != Processing {
			return fault.Newf(fault.Conflict, "the export is %s", now.Status)
		}
		if _, err := exec(ctx, tx, "finish", finishExport, r.p.Tenant, r.row.ID, obj.Key, name, obj.Bytes, obj.SHA256,
			r.rows.Load(), tables, warnings, strconv.FormatFloat(r.s.cfg.TTL.Seconds(), 'f', 0, 64)); err != nil {
			return err
		}
		return r.complete(ctx, tx)
	})
}

// progressEvery is how often a run's progress is written.
const progressEvery = 500 * time.Millisecond

// reportProgress writes how far reading has come until stop is called, which waits for the last write.
func (r *run) reportProgress(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				// Progress is for people: a write that fails is made good by the next.
				_ = tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) error {
					_, err := exec(ctx, tx, "note progress", progressExport, r.p.Tenant, r.row.ID, r.rows.Load(), r.total.Load())
					return err
				})
			}
		}
	}()
	return func() { cancel(); <-done }
}
