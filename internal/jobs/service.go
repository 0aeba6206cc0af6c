package jobs

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/fault"
)

// Complete ends a job inside the caller's transaction, so that the job's end and the rows it wrote commit together. It
// locks the job and checks that the run is still the job's current one. It returns ErrLost if another run has taken
// over and ErrCancelled if somebody asked for the job's end; the caller must then roll back and return the error. Call it
// late in the transaction, as the service's own role and with a context that comes from Run's.
type Complete = func(ctx context.Context, tx pgx.Tx) error

// Service is what a kind of job does. The jobs room knows nothing else of it. Its status row is in wharf.* and is named
// by tenant and id; the transactions given to End and Reopen carry the tenant's setting.
type Service interface {
	// Run does the job's work. It may be called again for the same id, at the same time even, when a worker was taken
	// for dead: the outcome must be that of one run, which Complete sees to. It heeds ctx.
	//
	// Errors with the codes Invalid, TooLarge, UnsupportedMedia, NotFound, Forbidden, Conflict, Malformed,
	// Precondition or Unauthenticated are final: trying again would not help, and their public message becomes the row's
	// reason. All others are tried again, as often as the queue's MaxAttempts says.
	Run(ctx context.Context, tenant, id uuid.UUID, complete Complete) error

	// End writes the row's final state, "failed" or "cancelled", with the reason in words for people, unless the row has
	// one already or is gone; then it does nothing and returns nil.
	End(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID, status, reason string) error

	// Reopen sets a failed or cancelled row back to pending and notes the job that will run it. Another status is
	// Conflict, an absent row NotFound; they are what the one who retries is told, so they speak of the row, not of jobs.
	Reopen(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID, job int64) error
}

// What End is told.
const (
	StatusFailed    = "failed"
	StatusCancelled = "cancelled"
)

var (
	// ErrLost means that this run is no longer the job's: its worker was taken for dead and the job given to another.
	ErrLost = fault.New(fault.Conflict, "another run of this job has taken over")
	// ErrCancelled means that somebody cancelled the job while it ran.
	ErrCancelled = fault.New(fault.Conflict, "the job was cancelled")
	// ErrNotFound means that there is no such job, or that it is another tenant's.
	ErrNotFound = fault.New(fault.NotFound, "job not found")
)
