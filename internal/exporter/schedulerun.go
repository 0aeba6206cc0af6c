package exporter

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/audit"
	"wharf/internal/fault"
	"wharf/internal/tenancy"
)

// dueBatch is how many schedules one look takes; the others are still due at the next.
const dueBatch = 1000

// RunSchedules starts the exports of all schedules whose time has come. A periodic job calls it; two at once start each export once.
//
// A turn that was missed because nobody looked is made up for once, however many there were. Where the export of the turn before still
// runs, the turn is left out, and that is noted. What one schedule's export cannot be started for keeps no other from starting.
func (s *Service) RunSchedules(ctx context.Context) error {
	due, err := s.due(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, d := range due {
		if ctx.Err() != nil {
			break
		}
		if err := s.runSchedule(ctx, d.TenantID, d.ID); err != nil {
			failed = append(failed, fmt.Errorf("exporter: run schedule %s: %w", d.ID, err))
		}
	}
	return errors.Join(failed...)
}

// runSchedule gives a schedule its turn. The export, its job and the schedule's next turn commit together.
func (s *Service) runSchedule(ctx context.Context, tenant, id uuid.UUID) error {
	p := tenancy.Principal{Tenant: tenant, Actor: "schedule:" + id.String(), Name: "schedule", Role: tenancy.Owner}
	var unexpected error
	err := tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) error {
		r, err := readSchedule(ctx, tx, lockDueSchedule, tenant, id)
		if errors.Is(err, ErrScheduleNotFound) { // another worker has it, or had it
			return nil
		}
		if err != nil {
			return err
		}
		if busy, err := s.exportRuns(ctx, tx, r); busy || err != nil {
			if err == nil {
				err = note(ctx, tx, r, TurnSkipped, "the export before still ran", nil)
			}
			return err
		}
		if s.cfg.MayStart != nil {
			if may, err := s.cfg.MayStart(ctx, tenant); !may || err != nil {
				return err //nolint:wrapcheck // it stays due, and is looked at again
			}
		}
		started, err := s.startScheduled(ctx, tx, p, r)
		switch {
		case err == nil:
			return note(ctx, tx, r, TurnStarted, "", &started)
		case ctx.Err() != nil || fault.CodeOf(err) == fault.Unavailable:
			return err
		}
		reason := "internal error; the log says more"
		if f, coded := fault.As(err); coded && f.Code != fault.Internal {
			reason = f.Message
		} else {
			unexpected = err
		}
		return note(ctx, tx, r, TurnFailed, reason, nil)
	})
	return errors.Join(err, unexpected)
}

func (s *Service) exportRuns(ctx context.Context, tx pgx.Tx, r scheduleRow) (busy bool, err error) {
	if r.LastExportID == nil {
		return false, nil
	}
	if err := tx.QueryRow(ctx, exportRuns, r.TenantID, *r.LastExportID).Scan(&busy); err != nil {
		return false, fmt.Errorf("exporter: look for the export before: %w", err)
	}
	return busy, nil
}

// startScheduled writes the export and its job. The attempt is in the audit log before that, whatever becomes of it; a failure
// leaves nothing else of it in tx.
func (s *Service) startScheduled(ctx context.Context, tx pgx.Tx, p tenancy.Principal, r scheduleRow) (uuid.UUID, error) {
	v, err := r.view()
	if err != nil {
		return uuid.Nil, err
	}
	if err := s.cfg.Audit.Write(ctx, p, ActionStart, audit.Started, v.Request); err != nil {
		return uuid.Nil, fmt.Errorf("exporter: audit: %w", err)
	}
	var id uuid.UUID
	err = pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error {
		e, err := s.add(ctx, tx, p, Input{Request: v.Request})
		if err != nil {
			return err
		}
		id = e.ID
		_, err = exec(ctx, tx, "note schedule", setExportSchedule, r.TenantID, id, r.ID, r.DestinationID)
		return err
	})
	if err == nil {
		return id, nil
	}
	if auditErr := s.cfg.Audit.Write(ctx, p, ActionStart, audit.Failed, v.Request); auditErr != nil {
		return uuid.Nil, fmt.Errorf("exporter: audit: %w", auditErr)
	}
	return uuid.Nil, err //nolint:wrapcheck // its own sentence
}

// note writes what became of the turn, and when the next one is. A schedule whose times can no longer be read has none.
func note(ctx context.Context, tx pgx.Tx, r scheduleRow, outcome, why string, export *uuid.UUID) error {
	v, err := r.view()
	if err != nil {
		return err
	}
	in := v.input()
	times, wrong := in.times()
	if wrong != nil {
		return fmt.Errorf("exporter: times of schedule %s: %s", r.ID, wrong[0].Message)
	}
	_, err = exec(ctx, tx, "note turn", noteTurn, r.TenantID, r.ID, outcome, why, export, in.nextRun(times, r.Now))
	return err
}
