package importer

import (
	"context"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"wharf/internal/progress"
	"wharf/internal/tenancy"
)

// Phases of a run.
const (
	phaseReading = "reading"
	phaseMerging = "merging"
	phaseWriting = "writing" // a result
)

// The share of the whole at which each phase begins, in percent: measured on a million rows into a table with two
// indexes, where reading takes a fifth of the time.
const (
	readingShare = 25.0
	mergingShare = 90.0
)

// Progress is how far a run has come.
type Progress struct {
	Phase         string  `json:"phase"` // "", "reading", "merging", "writing"
	Rows          int64   `json:"rows"`
	BytesRead     int64   `json:"bytes_read"`
	BytesTotal    int64   `json:"bytes_total"`
	Percent       float64 `json:"percent"`
	RowsPerSecond float64 `json:"rows_per_second"`
	ETASeconds    *int64  `json:"eta_seconds"`
}

// position is a row of wharf.import_progress.
type position struct {
	Phase     string `json:"phase"`
	RowsRead  int64  `json:"rows_read"`
	BytesRead int64  `json:"bytes_read"`
	Step      int    `json:"step"`
	Steps     int    `json:"steps"`
}

// progress tells people where an import stands that is at pos.
func (r row) progress(pos position) Progress {
	p := Progress{Phase: pos.Phase, Rows: pos.RowsRead, BytesRead: pos.BytesRead, BytesTotal: r.FileBytes}
	switch {
	case Final(r.Status), r.Status == Review:
		p.Phase, p.Rows = "", r.NumRows
		if r.Status != Failed && r.Status != Cancelled {
			p.BytesRead, p.Percent = r.FileBytes, 100
		}
	case pos.Phase == phaseReading && r.FileBytes > 0:
		p.Percent = readingShare * min(1, float64(pos.BytesRead)/float64(r.FileBytes))
	case pos.Phase == phaseMerging:
		p.Percent = readingShare
		if pos.Steps > 0 {
			p.Percent += (mergingShare - readingShare) * float64(pos.Step) / float64(pos.Steps)
		}
	case pos.Phase == phaseWriting:
		p.Percent = mergingShare
	}
	p.RowsPerSecond, p.ETASeconds = progress.Pace(p.Rows, p.Percent, r.Status == Processing, r.StartedAt, r.CompletedAt, r.Now)
	return p
}

// reporter writes how far a run has come, over a connection of its own.
type reporter struct {
	rows, bytes atomic.Int64
	place       atomic.Pointer[place]
	stop        func() // may be called twice; returns after the last write
}

// place is a phase, and a step of it.
type place struct {
	phase       string
	step, steps int
}

func (p *reporter) enter(phase string, step, steps int) { p.place.Store(&place{phase, step, steps}) }

func (r *run) report(ctx context.Context) *reporter {
	p := &reporter{}
	p.enter(phaseReading, 0, 0)
	p.stop = progress.Report(ctx, func(ctx context.Context) {
		_ = tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) error {
			at := p.place.Load()
			_, err := exec(ctx, tx, "note progress", noteProgress, r.row.ID, r.p.Tenant, at.phase, p.rows.Load(), p.bytes.Load(), at.step, at.steps)
			return err
		})
	})
	return p
}
