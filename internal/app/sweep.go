package app

import (
	"context"
	"fmt"
	"time"

	"wharf/internal/auth"
	"wharf/internal/jobs"
	"wharf/internal/objectstore"
)

// orphanAge is how old an object without a row is before it is taken for an orphan: until then its row may be on its way.
const orphanAge = 24 * time.Hour

// sweep has the client's workers do what is due by itself, and remove what has passed its time.
func (a *App) sweep(client *jobs.Client) error {
	for name, job := range map[string]struct {
		every time.Duration
		do    func(ctx context.Context) error
	}{
		"webhook-log": {time.Hour, a.Webhooks.Sweep},
		"schedules":   {30 * time.Second, a.Exports.RunSchedules},
		"imports":     {10 * time.Minute, a.Importers.Sweep},
		"restores":    {10 * time.Minute, a.Restores.Sweep},
		"exports":     {10 * time.Minute, a.Exports.Sweep},
		"uploads": {time.Hour, func(ctx context.Context) error {
			_, err := a.Importers.SweepUploads(ctx)
			return err
		}},
		"idempotency": {time.Hour, func(ctx context.Context) error {
			_, err := a.Idempotency.Sweep(ctx)
			return err
		}},
		"rate-limits": {10 * time.Minute, func(ctx context.Context) error {
			_, err := a.Limits.Sweep(ctx)
			return err
		}},
		"embed-tokens": {time.Hour, func(ctx context.Context) error {
			_, err := auth.NewKeys(a.Pool).SweepEmbedTokens(ctx)
			return err
		}},
		"orphans": {6 * time.Hour, func(ctx context.Context) error {
			n, err := a.Objects.SweepOrphans(ctx, time.Now().Add(-orphanAge), a.owners())
			if n > 0 {
				a.Log.InfoContext(ctx, "orphaned objects deleted", "objects", n)
			}
			return err //nolint:wrapcheck // names the job
		}},
	} {
		if err := client.Periodic(name, job.every, job.do); err != nil {
			return fmt.Errorf("app: %w", err)
		}
	}
	return nil
}

// owners says, of every kind of object that Wharf stores, which of them some row names.
func (a *App) owners() objectstore.Owners {
	return a.Importers.Owners().With(a.Exports.Owners()).With(a.Restores.Owners())
}
