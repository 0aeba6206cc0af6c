package exporter

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/fault"
	"wharf/internal/objectstore"
	"wharf/internal/pg"
	"wharf/internal/progress"
	"wharf/internal/tenancy"
)

// Complete ends the job in the transaction that finishes the export.
type Complete = func(ctx context.Context, tx pgx.Tx) error

// run is one writing of an export: of a job, or straight to a client.
type run struct {
	s        *Service
	p        tenancy.Principal
	row      row
	req      Request
	complete Complete // nil: there is no job

	moment
	users    *members // whose e-mails a dump tells; nil: it is none
	plan     plan
	tables   map[string]int64 // rows written
	warnings []string
	rows     atomic.Int64 // read
	total    atomic.Int64 // the planner's estimate
}

// Run writes an export's object and finishes its row. It may be run again after any failure: each run writes an object of
// its own, and only the one whose row commits stays.
func (s *Service) Run(ctx context.Context, tenant, id uuid.UUID, complete func(ctx context.Context, tx pgx.Tx) error) error {
	r := s.newRun(tenancy.System(tenant), Request{})
	r.complete = complete
	if ended, err := r.begin(ctx, id); ended || err != nil {
		return err
	}
	to, err := s.targetOf(ctx, r.p, r.row)
	if err != nil {
		return err
	}
	defer to.close()
	stop := r.reportProgress(ctx)
	defer stop()
	obj, err := r.put(ctx, to)
	if err != nil {
		return pg.Translate(err)
	}
	stop()
	if err := r.finish(ctx, obj); err != nil {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_ = to.Delete(clean, obj.Key) // of no use without its row; swept if this fails
		return err
	}
	return nil
}

func (s *Service) newRun(p tenancy.Principal, req Request) *run {
	return &run{s: s, p: p, req: req.withDefaults(), tables: map[string]int64{}}
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
		if r.row, err = readExport(ctx, tx, beginExport, r.p.Tenant, id); err != nil {
			return err
		}
		if err := json.Unmarshal(r.row.Request, &r.req); err != nil {
			return fmt.Errorf("exporter: read request of %s: %w", id, err)
		}
		if r.req.byPassphrase() {
			r.req.Encrypt.Passphrase, err = recallPassphrase(ctx, tx, r.s.cfg.Crypt, r.p.Tenant, id)
		}
		return err
	})
	return ended, err
}

// put streams the document into the store: what is read on one side of the pipe is uploaded on the other.
func (r *run) put(ctx context.Context, to target) (objectstore.Object, error) {
	kind := r.req.object()
	return objectstore.Piped(func(w io.Writer) error { return r.object(ctx, w) }, func(body io.Reader) (objectstore.Object, error) {
		obj, err := to.Put(ctx, to.key(r.row, kind.extension), kind.contentType, body)
		if err != nil {
			return obj, fmt.Errorf("exporter: upload: %w", to.explain(ctx, err))
		}
		return obj, nil
	})
}

// object writes the export as it is stored.
func (r *run) object(ctx context.Context, out io.Writer) error {
	if r.req.Encrypt == nil {
		return r.document(ctx, out)
	}
	sealed, err := encrypted(out, r.req.Encrypt.Recipients, r.req.Encrypt.Passphrase)
	if err != nil {
		return err
	}
	if err := r.document(ctx, sealed); err != nil {
		return err
	}
	return sealed.Close() //nolint:wrapcheck // the pipe's own
}

// snapshotMode is the transaction that every row of an export is read in.
var snapshotMode = pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}

// document writes the export to out, from one snapshot. After an error what was written is of no use.
func (r *run) document(ctx context.Context, out io.Writer) error {
	tx, err := r.s.cfg.Pool.BeginTx(ctx, snapshotMode)
	if err != nil {
		return fmt.Errorf("exporter: begin snapshot: %w", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // read only: nothing to commit
	if err := r.s.cfg.DB.Enter(ctx, tx, r.p.Tenant); err != nil {
		return err //nolint:wrapcheck // a sentence of its own
	}
	if r.moment, err = r.s.momentOf(ctx, tx, r.p.Tenant); err != nil {
		return err
	}
	if r.req.Format == FormatDump { // as the service's own role: the product's has no business with Wharf's tables
		if r.users, err = readMembers(ctx, tx); err != nil {
			return err
		}
	}
	return r.s.cfg.DB.AsProduct(ctx, tx, r.p, func(ctx context.Context, tx pgx.Tx) error { //nolint:wrapcheck // names the table
		return r.writeAll(ctx, tx, out)
	})
}

// writeAll plans the export and writes it.
func (r *run) writeAll(ctx context.Context, tx pgx.Tx, out io.Writer) (err error) {
	if r.plan, err = r.s.planFor(ctx, tx, r.p.Tenant, r.req); err != nil {
		return err
	}
	if r.complete != nil {
		if err := r.estimate(ctx, tx); err != nil {
			return err
		}
	}
	enc, err := r.newEncoder(out)
	if err != nil {
		return err
	}
	defer enc.stop()
	if err := r.readAll(ctx, tx, enc); err != nil {
		return err
	}
	return enc.close(ctx, tx)
}

// fileName is what the export is saved as.
func (r *run) fileName() string {
	return r.slug + "-" + r.at.UTC().Format(time.DateOnly) + r.req.object().extension
}

// maxWarnings bounds what an export's row holds of them.
const maxWarnings = 200

// warn adds a warning. The goroutine that writes calls it.
func (r *run) warn(text string) { r.warnings = append(r.warnings, text) }

// warned gives the warnings of plan and run, never null.
func (r *run) warned() []string {
	all := some(slices.Concat(r.plan.warnings, r.warnings))
	if len(all) > maxWarnings {
		all = append(all[:maxWarnings], fmt.Sprintf("and %d more warnings", len(all)-maxWarnings))
	}
	return all
}

// estimate sums what the planner expects, for the progress line.
func (r *run) estimate(ctx context.Context, tx pgx.Tx) error {
	var batch pgx.Batch
	var total float64
	for _, t := range every(r.plan.tables) {
		batch.Queue(`EXPLAIN (FORMAT json) SELECT FROM `+t.Ident()+` x WHERE `+t.where, t.args...).QueryRow(func(row pgx.Row) error {
			var plans []struct {
				Plan struct {
					Rows float64 `json:"Plan Rows"`
				} `json:"Plan"`
			}
			if err := row.Scan(&plans); err != nil {
				return err //nolint:wrapcheck // below
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
	warnings, err := json.Marshal(r.warned())
	if err != nil {
		return fmt.Errorf("exporter: encode warnings: %w", err)
	}
	return tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) error {
		now, err := readExport(ctx, tx, lockExport, r.p.Tenant, r.row.ID)
		if err != nil {
			return err
		}
		if now.Status != Processing {
			return fault.Newf(fault.Conflict, "the export is %s", now.Status)
		}
		if _, err := exec(ctx, tx, "finish", finishExport, r.p.Tenant, r.row.ID, obj.Key, r.fileName(), obj.Bytes, obj.SHA256,
			r.rows.Load(), tables, warnings, strconv.FormatFloat(r.s.cfg.TTL.Seconds(), 'f', 0, 64)); err != nil {
			return err
		}
		if err := r.s.tell(ctx, tx, r.p.Tenant, r.row.ID); err != nil {
			return err
		}
		return r.complete(ctx, tx)
	})
}

// reportProgress writes how far reading has come until stop is called, which waits for the last write.
func (r *run) reportProgress(ctx context.Context) (stop func()) {
	return progress.Report(ctx, func(ctx context.Context) {
		_ = tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) error {
			_, err := exec(ctx, tx, "note progress", progressExport, r.p.Tenant, r.row.ID, r.rows.Load(), r.total.Load())
			return err
		})
	})
}
