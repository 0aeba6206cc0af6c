package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/fault"
	"wharf/internal/load"
	"wharf/internal/mapping"
	"wharf/internal/rowprogram"
	"wharf/internal/tabular"
	"wharf/internal/tenancy"
)

// Complete ends the job in the transaction that merges.
type Complete = func(ctx context.Context, tx pgx.Tx) error

// run is one run of an import's job.
type run struct {
	s        *Service
	p        tenancy.Principal
	row      row
	def      Definition
	options  tabular.Options
	asked    map[string]string
	complete Complete

	header  []string
	columns mapping.Columns
	program *rowprogram.Program
	plan    *load.Plan
	staging string // name of the staging table
	staged  load.Staged
	found   Found
	rows    atomic.Int64
	bytes   atomic.Int64
}

// Run takes an import from its stored file to merged rows. It may be run again after any failure. Errors about the file
// are fault.Invalid, TooLarge or UnsupportedMedia, and final; the file stays.
func (s *Service) Run(ctx context.Context, tenant, id uuid.UUID, complete func(ctx context.Context, tx pgx.Tx) error) error {
	r := &run{s: s, p: tenancy.System(tenant), complete: complete}
	if ended, err := r.begin(ctx, id); ended || err != nil {
		return err
	}
	stop := r.reportProgress(ctx)
	defer stop()
	if err := r.stage(ctx); err != nil {
		return r.giveUp(ctx, err)
	}
	stop()
	if r.plan.HasTable() {
		return r.giveUp(ctx, r.merge(ctx))
	}
	return r.giveUp(ctx, r.writeResult(ctx))
}

// begin claims the row. An import that has ended meanwhile only ends its job.
func (r *run) begin(ctx context.Context, id uuid.UUID) (ended bool, err error) {
	err = tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) error {
		if r.row, err = readImport(ctx, tx, lockImport, r.p.Tenant, id); err != nil {
			return err
		}
		if Final(r.row.Status) {
			ended = true
			return r.complete(ctx, tx)
		}
		r.row, err = readImport(ctx, tx, beginImport, r.p.Tenant, id)
		return err
	})
	if err != nil || ended {
		return ended, err
	}
	var opts readOptions
	for _, part := range []struct {
		doc json.RawMessage
		dst any
	}{{r.row.Definition, &r.def}, {r.row.ReadOptions, &opts}, {r.row.Mapping, &r.asked}} {
		if part.doc == nil {
			continue
		}
		if err := json.Unmarshal(part.doc, part.dst); err != nil {
			return false, fmt.Errorf("importer: read import %s: %w", id, err)
		}
	}
	r.options = tabular.Options{
		Encoding: opts.Encoding, Delimiter: opts.Delimiter, HeaderRow: opts.HeaderRow, Sheet: opts.Sheet, Limits: r.s.cfg.Limits,
	}
	return false, nil
}

// stagingPrefix begins the names of every staging table of the import; each run has its own, so that a run that was taken
// for dead cannot write into its successor's.
func (r *run) stagingPrefix() string {
	return "i_" + strings.ReplaceAll(r.row.ID.String(), "-", "") + "_"
}

// stage reads the file into staging: once, or twice if some cell's meaning hangs on the rest of its column.
func (r *run) stage(ctx context.Context) error {
	if err := r.dropStaging(ctx); err != nil {
		return err
	}
	err := r.stageOnce(ctx)
	if errors.Is(err, rowprogram.ErrUndecided) {
		if err = r.survey(ctx); err == nil {
			err = r.stageOnce(ctx)
		}
	}
	if err != nil {
		return err
	}
	found, err := marshalAll(r.found)
	if err != nil {
		return err
	}
	return tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) error {
		_, err := exec(ctx, tx, "note staging", stagedImport, r.p.Tenant, r.row.ID, r.staging, r.staged.Rows, found[0])
		return err
	})
}

// dropStaging removes what earlier runs left. A table that a dying run still holds is left to the sweep.
func (r *run) dropStaging(ctx context.Context) error {
	err := tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := exec(ctx, tx, "set lock timeout", `SELECT set_config('lock_timeout', '2s', true)`); err != nil {
			return err
		}
		return load.Drop(ctx, tx, r.stagingPrefix())
	})
	if fault.CodeOf(err) == fault.Unavailable && ctx.Err() == nil {
		return nil
	}
	return err
}

func (r *run) stageOnce(ctx context.Context) error {
	reader, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = reader.Close() }() // read only
	if r.program == nil {
		if err := r.prepare(ctx, reader); err != nil {
			return err
		}
	}
	conn, err := r.s.cfg.Pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("importer: acquire connection: %w", err)
	}
	defer conn.Release()
	r.staging = r.stagingPrefix() + strings.ReplaceAll(uuid.NewString(), "-", "")[:8]
	var file tabular.Batch
	r.rows.Store(0)
	r.staged, err = r.plan.Stage(ctx, conn.Conn(), r.staging, func(b *tabular.Batch) error {
		if err := reader.Next(&file); err != nil {
			return err //nolint:wrapcheck // io.EOF, or an error that names its place
		}
		file.DropEmptyRows()
		file.Project(b, r.columns)
		if err := r.program.Apply(b); err != nil {
			return err //nolint:wrapcheck // ErrUndecided
		}
		r.rows.Add(int64(b.Len()))
		r.bytes.Store(reader.BytesRead())
		return nil
	})
	r.found.Info = reader.Info() // what is found out changes while a file is read: its encoding may show late
	return err
}

// survey reads the whole file for what its columns decide.
func (r *run) survey(ctx context.Context) error {
	reader, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = reader.Close() }() // read only
	var file, b tabular.Batch
	for {
		err := reader.Next(&file)
		if errors.Is(err, io.EOF) {
			r.found.Decisions = r.program.Decide()
			return nil
		}
		if err != nil {
			return err //nolint:wrapcheck // names its place
		}
		file.Project(&b, r.columns)
		r.program.Survey(&b)
	}
}

func (r *run) open(ctx context.Context) (tabular.Reader, error) {
	return tabular.Open(ctx, storedFile{store: r.s.cfg.Objects, row: r.row}, r.options) //nolint:wrapcheck // names its place
}

// prepare maps the file's columns and compiles the row program and the load plan, then notes what was found.
func (r *run) prepare(ctx context.Context, reader tabular.Reader) error {
	r.header = reader.Header()
	columns := mapping.Propose(r.header, nil, r.def.Fields, mapping.Config{Subject: r.def.Destination.Table, Programs: r.s.cfg.Programs}).Columns
	if r.asked != nil {
		var err error
		if columns, err = mapping.Apply(r.asked, r.header, r.def.Fields); err != nil {
			return err //nolint:wrapcheck // names the headers
		}
	}
	fields, err := r.take(columns)
	if err != nil {
		return err
	}
	programs := r.s.cfg.Programs
	format := reader.Info().Format
	programs.PlainNumbers = format == "json" || format == "jsonl" // a number there is no serial of a workbook's date
	if r.program, err = rowprogram.Compile(fields, programs); err != nil {
		return fmt.Errorf("importer: compile: %w", err)
	}
	r.found.Info = reader.Info()
	info, err := marshalAll(r.found, columns.Names(r.header, r.def.Fields))
	if err != nil {
		return err
	}
	return tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := exec(ctx, tx, "note file", foundImport, r.p.Tenant, r.row.ID, info[0], info[1]); err != nil {
			return err
		}
		return r.compile(ctx, tx, fields)
	})
}

// take keeps the fields that have a column, or a value without one.
func (r *run) take(columns mapping.Columns) ([]rowprogram.Field, error) {
	var fields []rowprogram.Field
	r.columns = nil
	var missing []fault.Field
	mapped := 0
	for n, f := range r.def.Fields {
		switch {
		case columns[n] >= 0:
			mapped++
		case has(f.Transformations, "default"):
		case required(f):
			missing = append(missing, fault.Field{Field: f.Name, Message: f.Label() + " is required, and no column of the file is mapped to it"})
			continue
		default:
			continue
		}
		fields, r.columns = append(fields, f), append(r.columns, columns[n])
	}
	if mapped == 0 || len(missing) > 0 {
		return nil, fault.Newf(fault.Invalid, "the file's columns (%s) do not fill the fields; give a mapping", strings.Join(r.header, ", ")).
			WithFields(missing...)
	}
	return fields, nil
}

func has(all []rowprogram.Transformation, kind string) bool {
	for _, t := range all {
		if t.Type == kind {
			return true
		}
	}
	return false
}

func required(f rowprogram.Field) bool {
	for _, v := range f.Validators {
		if v.Type == "required" {
			return true
		}
	}
	return false
}

// compile makes the load plan against the catalog as the transaction sees it.
func (r *run) compile(ctx context.Context, tx pgx.Tx, fields []rowprogram.Field) error {
	spec := load.Spec{
		DB: r.s.cfg.DB, Tenant: r.p.Tenant, Write: load.Write(r.def.Destination.Write), Match: r.def.Destination.Match,
		Clear: r.def.Destination.Blank == "clear", LastWins: r.def.Destination.OnDuplicate == "last",
		WorkMemMB: r.s.cfg.WorkMemMB,
	}
	for _, f := range fields {
		spec.Columns = append(spec.Columns, load.Column{Name: f.Name, Label: f.Label()})
	}
	for _, u := range r.program.Unique() {
		spec.Uniques = append(spec.Uniques, load.Unique{Column: u.Field, Message: u.Message})
	}
	if r.def.Destination.Kind == ToTable {
		snap, err := r.s.cfg.Catalog(ctx, tx)
		if err != nil {
			return err
		}
		table, ok := snap.Table(r.def.Destination.Table)
		if !ok {
			return fault.Newf(fault.NotFound, "the table %q is not there any more", r.def.Destination.Table)
		}
		spec.Table = table
	}
	plan, err := load.Compile(spec)
	if err != nil {
		return err //nolint:wrapcheck // names the columns
	}
	r.plan = plan
	return nil
}

// outcome is what a finished run writes.
type outcome struct {
	status    string
	err       *string
	counts    load.Counts
	errors    []RowError
	resultKey *string
}

// shownErrors is how many errors the status shows.
const shownErrors = 100

// merge writes the rows. Rows, counts and the job's end commit together, or not at all.
func (r *run) merge(ctx context.Context) error {
	return tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) error {
		if err := r.lock(ctx, tx); err != nil {
			return err
		}
		// A savepoint, so that a dry run and disable_on_invalid_rows can take the rows back and still keep the counts.
		work, err := tx.Begin(ctx)
		if err != nil {
			return fmt.Errorf("importer: savepoint: %w", err)
		}
		out := outcome{status: Completed}
		if out.counts, err = r.plan.Merge(ctx, work, r.staging); err != nil {
			return err //nolint:wrapcheck // translated by tenancy.Tx
		}
		if out.errors, err = r.firstErrors(ctx, work); err != nil {
			return err
		}
		if r.def.DisableOnInvalid && out.counts.Errors > 0 {
			out.disable()
			err = work.Rollback(ctx)
		} else {
			err = work.Commit(ctx)
		}
		if err != nil {
			return fmt.Errorf("importer: end savepoint: %w", err)
		}
		return r.finish(ctx, tx, out)
	})
}

// disable turns the outcome into that of a file which may hold no invalid row.
func (o *outcome) disable() {
	why := fmt.Sprintf("%d errors in %d rows; the importer accepts no invalid rows, so nothing was written", o.counts.Errors, o.counts.Skipped)
	o.status, o.err = Failed, &why
	o.counts.Created, o.counts.Updated, o.counts.Unchanged = 0, 0, 0
}

// lock takes the import's row and makes sure that staging still holds what was staged.
func (r *run) lock(ctx context.Context, tx pgx.Tx) error {
	now, err := readImport(ctx, tx, lockImport, r.p.Tenant, r.row.ID)
	if err != nil {
		return err
	}
	if now.Status != Processing {
		return fault.Newf(fault.Conflict, "the import is %s", now.Status)
	}
	n, err := load.Count(ctx, tx, r.staging)
	if err != nil {
		return err //nolint:wrapcheck // translated by tenancy.Tx
	}
	if n != r.staged.Rows {
		return fault.Newf(fault.Unavailable, "staging holds %d of %d rows, as after a crash of the database", n, r.staged.Rows)
	}
	return nil
}

func (r *run) firstErrors(ctx context.Context, tx pgx.Tx) ([]RowError, error) {
	found, err := load.Errors(ctx, tx, r.staging, shownErrors)
	if err != nil {
		return nil, err //nolint:wrapcheck // translated by tenancy.Tx
	}
	out := make([]RowError, 0, len(found))
	for _, e := range found {
		out = append(out, RowError{Row: e.Row, Field: e.Field, Message: e.Message, Value: e.Value})
	}
	return out, nil
}

func (r *run) finish(ctx context.Context, tx pgx.Tx, out outcome) error {
	docs, err := marshalAll(out.errors)
	if err != nil {
		return err
	}
	c := out.counts
	if _, err := exec(ctx, tx, "finish", finishImport, r.p.Tenant, r.row.ID, out.status, out.err, r.staged.Rows, c.Errors,
		c.Created, c.Updated, c.Unchanged, c.Skipped, docs[0], out.resultKey); err != nil {
		return err
	}
	if err := load.Drop(ctx, tx, r.staging); err != nil {
		return err //nolint:wrapcheck // translated by tenancy.Tx
	}
	return r.complete(ctx, tx)
}

// giveUp drops the staging of a run that failed; another run stages anew.
func (r *run) giveUp(ctx context.Context, err error) error {
	if err == nil || r.staging == "" {
		return err
	}
	clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = r.dropStaging(clean) // what stays is swept
	return err
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
					_, err := exec(ctx, tx, "note progress", progressImport, r.p.Tenant, r.row.ID, phaseReading, r.rows.Load(), r.bytes.Load())
					return err
				})
			}
		}
	}()
	return func() { cancel(); <-done }
}
