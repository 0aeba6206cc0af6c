package importer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/catalog"
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

	header   []string
	columns  mapping.Columns
	proposal *mapping.Proposal     // nil: columns were asked for, or remembered
	memory   *memory               // of a file with these headers; nil: there is none
	decided  []rowprogram.Decision // before this run
	shape    *shape
	program  *rowprogram.Program
	plan     *load.Plan
	staging  string // name of the staging table
	staged   int64  // rows it holds
	found    Found
	progress *reporter
}

// Run takes an import from its stored file to merged rows, or as far as its mode says; a reviewed one goes on where it
// stopped, and one that is to be reverted is. It may be run again after any failure. Errors about the file are
// fault.Invalid, TooLarge or UnsupportedMedia, and final; the file stays.
func (s *Service) Run(ctx context.Context, tenant, id uuid.UUID, complete func(ctx context.Context, tx pgx.Tx) error) error {
	r := &run{s: s, p: tenancy.System(tenant), complete: complete}
	if ended, err := r.begin(ctx, id); ended || err != nil {
		return err
	}
	if r.row.reverting() {
		return r.revert(ctx)
	}
	r.progress = r.report(ctx)
	defer r.progress.stop()
	if err := r.hash(ctx); err != nil {
		return err
	}
	if r.row.ConfirmedAt != nil && r.row.StagingTable != nil {
		if err := r.resume(ctx); err != nil {
			return err
		}
		return r.settle(ctx)
	}
	if err := r.stage(ctx); err != nil {
		return r.giveUp(ctx, err)
	}
	if r.row.Mode == ModeReview {
		return r.giveUp(ctx, r.awaitReview(ctx))
	}
	return r.giveUp(ctx, r.settle(ctx))
}

// settle ends the import: its rows are merged, or its result is written.
func (r *run) settle(ctx context.Context) error {
	r.progress.enter(phaseMerging, 0, 0)
	if r.plan.HasTable() {
		return r.merge(ctx)
	}
	return r.writeResult(ctx)
}

// begin claims the row. An import that has ended meanwhile only ends its job.
func (r *run) begin(ctx context.Context, id uuid.UUID) (ended bool, err error) {
	err = tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) error {
		if r.row, err = readImport(ctx, tx, lockImport, r.p.Tenant, id); err != nil {
			return err
		}
		switch {
		case r.row.reverting():
			if r.row, err = readImport(ctx, tx, beginRevert, r.p.Tenant, id); err != nil {
				return err
			}
			return r.decode()
		case Final(r.row.Status) || r.row.Status == Review:
			ended = true
			return r.complete(ctx, tx)
		}
		if r.row.FileDeletedAt != nil {
			return fault.New(fault.Conflict, "the file is not kept any more: upload it again")
		}
		first := r.row.StartedAt == nil && r.row.ConfirmedAt == nil
		if r.row, err = readImport(ctx, tx, beginImport, r.p.Tenant, id); err != nil {
			return err
		}
		if err := r.decode(); err != nil || !first {
			return err
		}
		return r.s.send(ctx, tx, r.row, r.def, message{Event: "import.started", Status: Processing})
	})
	return ended, err
}

// hash notes what file this is, if it came by a signed URL and nobody said.
func (r *run) hash(ctx context.Context) error {
	if r.row.FileSHA256 != "" {
		return nil
	}
	body, err := r.source().Open(ctx, 0)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // read only
	sum := sha256.New()
	if _, err := io.Copy(sum, body); err != nil {
		return fmt.Errorf("importer: hash stored file: %w", err)
	}
	return tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) error {
		_, err := exec(ctx, tx, "note hash", hashedImport, r.p.Tenant, r.row.ID, hex.EncodeToString(sum.Sum(nil)))
		return err
	})
}

// decode reads the row's documents.
func (r *run) decode() error {
	var opts readOptions
	for _, part := range []struct {
		doc json.RawMessage
		dst any
	}{
		{r.row.Definition, &r.def},
		{r.row.ReadOptions, &opts},
		{r.row.Mapping, &r.asked},
		{r.row.Header, &r.header},
	} {
		if part.doc == nil {
			continue
		}
		if err := json.Unmarshal(part.doc, part.dst); err != nil {
			return fmt.Errorf("importer: read import %s: %w", r.row.ID, err)
		}
	}
	r.options = tabular.Options{
		Encoding: opts.Encoding, Delimiter: opts.Delimiter, HeaderRow: opts.HeaderRow, Sheet: opts.Sheet, Limits: r.s.cfg.Limits,
	}
	return nil
}

// stagingPrefix begins the names of every staging table of an import; each run has its own, so that a run that was taken
// for dead cannot write into its successor's.
func stagingPrefix(id uuid.UUID) string {
	return "i_" + strings.ReplaceAll(id.String(), "-", "") + "_"
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
		_, err := exec(ctx, tx, "note staging", stagedImport, r.p.Tenant, r.row.ID, r.staging, r.staged, found[0])
		return err
	})
}

// dropStaging removes what earlier runs left. A table that a dying run still holds is left to the sweep.
func (r *run) dropStaging(ctx context.Context) error {
	err := tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := exec(ctx, tx, "set lock timeout", `SELECT set_config('lock_timeout', '2s', true)`); err != nil {
			return err
		}
		return load.Drop(ctx, tx, stagingPrefix(r.row.ID))
	})
	if fault.CodeOf(err) == fault.Unavailable && ctx.Err() == nil {
		return nil
	}
	return err
}

func (r *run) stageOnce(ctx context.Context) error {
	f, err := r.feed(ctx)
	if err != nil {
		return err
	}
	defer f.close()
	if r.shape == nil {
		if err := r.prepare(ctx, f); err != nil {
			return err
		}
	}
	conn, err := r.s.cfg.Pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("importer: acquire connection: %w", err)
	}
	defer conn.Release()
	r.staging = stagingPrefix(r.row.ID) + strings.ReplaceAll(uuid.NewString(), "-", "")[:8]
	r.progress.rows.Store(0)
	staged, err := r.plan.Stage(ctx, conn.Conn(), r.staging, func(b *tabular.Batch) error {
		if err := f.next(b); err != nil {
			return err //nolint:wrapcheck // io.EOF, or an error that names its place
		}
		if err := r.program.Apply(b); err != nil {
			return err //nolint:wrapcheck // ErrUndecided
		}
		r.progress.rows.Add(int64(b.Len()))
		r.progress.bytes.Store(f.reader.BytesRead())
		return nil
	})
	r.staged = staged.Rows
	warnings := r.found.Warnings   // of the shape
	r.found.Info = f.reader.Info() // what is found out changes while a file is read: its encoding may show late
	r.found.Warnings = mergeWarnings(r.found.Warnings, warnings)
	return err
}

func mergeWarnings(all, more []string) []string {
	for _, w := range more {
		if !slices.Contains(all, w) {
			all = append(all, w)
		}
	}
	return all
}

// survey reads the whole file for what its columns decide.
func (r *run) survey(ctx context.Context) error {
	f, err := r.feed(ctx)
	if err != nil {
		return err
	}
	defer f.close()
	var b tabular.Batch
	for {
		err := f.next(&b)
		if errors.Is(err, io.EOF) {
			r.found.Decisions = r.program.Decide()
			return nil
		}
		if err != nil {
			return err
		}
		r.program.Survey(&b)
	}
}

// prepare maps the file's columns and compiles the row program and the load plan, then notes what was found.
func (r *run) prepare(ctx context.Context, f *feed) error {
	r.header = f.reader.Header()
	r.found.Info = f.reader.Info()
	if err := f.readAhead(); err != nil {
		return err
	}
	return tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) error {
		table, err := r.s.table(ctx, tx, r.def.Destination)
		if err != nil {
			return err
		}
		columns, err := r.match(ctx, tx, f)
		if err != nil {
			return err
		}
		if err := r.compile(columns, table); err != nil {
			return err
		}
		docs, err := marshalAll(r.found, r.names(), r.header)
		if err != nil {
			return err
		}
		_, err = exec(ctx, tx, "note file", foundImport, r.p.Tenant, r.row.ID, docs[0], docs[1], docs[2])
		return err
	})
}

// names gives the mapping: header → field, "" for a column that is not taken.
func (r *run) names() map[string]string { return r.columns.Names(r.header, r.def.Fields) }

// propose maps the file's columns by their names and first values.
func (r *run) propose(f *feed) mapping.Proposal {
	return mapping.Propose(r.header, &f.file, r.def.Fields, mapping.Config{Subject: r.def.Destination.Table, Programs: r.s.cfg.Programs})
}

// compile makes shape, row program and load plan of the file's columns.
func (r *run) compile(columns mapping.Columns, table *catalog.Table) error {
	r.columns = columns
	var added []string
	if r.memory != nil {
		added = r.memory.Report
	}
	shape, warnings, err := newShape(r.def, r.header, columns, table, added)
	if err != nil {
		return err
	}
	r.shape = shape
	r.found.Warnings = mergeWarnings(r.found.Warnings, warnings)
	if r.program, err = shape.program(r.s.cfg.Programs, r.found.Format); err != nil {
		return fmt.Errorf("importer: compile: %w", err)
	}
	spec := load.Spec{
		DB: r.s.cfg.DB, Tenant: r.p.Tenant, Table: table, Columns: shape.columns(),
		Write: load.Write(r.def.Destination.Write), Match: r.def.Destination.Match,
		Clear: r.def.Destination.Blank == "clear", LastWins: r.def.Destination.OnDuplicate == "last",
		WorkMemMB: r.s.cfg.WorkMemMB, Crypt: r.s.cfg.Crypt,
		Progress: func(step, steps int) { r.progress.enter(phaseMerging, step, steps) },
	}
	if r.row.Mode != ModeDryRun && r.row.ID != uuid.Nil { // a preview has none
		spec.Undo = r.row.ID
	}
	for _, u := range r.program.Unique() {
		spec.Uniques = append(spec.Uniques, load.Unique{Column: u.Field, Message: u.Message})
	}
	if r.plan, err = load.Compile(spec); err != nil {
		return err //nolint:wrapcheck // names the columns
	}
	return nil
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
