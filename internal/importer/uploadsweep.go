package importer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/objectstore"
	"wharf/internal/pg"
	"wharf/internal/tenancy"
)

const (
	// uploadGrace is how long a row outlives its upload: a URL signed before may still bring its file, which nobody would find
	// without the row. It exceeds the longest life of a link.
	uploadGrace = 2 * time.Hour
	sweepBatch  = 100
)

type expired struct {
	TenantID uuid.UUID
	ID       uuid.UUID
}

// SweepUploads removes the uploads of every tenant whose time has passed, with what was stored of them, and counts them. The
// file of an import stays. After an error some may remain; calling again goes on. Unavailable.
func (s *Service) SweepUploads(ctx context.Context) (swept int, err error) {
	for {
		rows, err := s.cfg.Pool.Query(ctx, uploadsToSweep, uploadGrace, sweepBatch)
		if err != nil {
			return swept, pg.Translate(fmt.Errorf("importer: find expired uploads: %w", err))
		}
		found, err := pgx.CollectRows(rows, pgx.RowToStructByName[expired])
		if err != nil {
			return swept, pg.Translate(fmt.Errorf("importer: find expired uploads: %w", err))
		}
		for _, e := range found {
			if err := s.sweepUpload(ctx, e); err != nil {
				return swept, err
			}
			swept++
		}
		if len(found) < sweepBatch {
			return swept, nil
		}
	}
}

// sweepUpload removes the object before the row is gone for good: if it cannot, the row is there for the next time.
func (s *Service) sweepUpload(ctx context.Context, e expired) error {
	return tenancy.Tx(ctx, s.cfg.DB, tenancy.System(e.TenantID), func(ctx context.Context, tx pgx.Tx) error {
		var key string
		var taken *uuid.UUID
		err := tx.QueryRow(ctx, sweepUpload, e.TenantID, e.ID).Scan(&key, &taken)
		switch {
		case errors.Is(err, pgx.ErrNoRows): // another sweep was first
			return nil
		case err != nil:
			return fmt.Errorf("importer: sweep upload: %w", err)
		case taken != nil:
			return nil
		}
		return s.Discard(ctx, objectstore.Object{Key: key})
	})
}
