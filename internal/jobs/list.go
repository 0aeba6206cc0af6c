package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/rivertype"

	"wharf/internal/fault"
	"wharf/internal/pg"
)

// Job is one job as operators and tenants see it. State is River's: available, cancelled, completed, discarded, pending,
// retryable, running, scheduled. Pending waits for room in its queue, retryable for the time of its next attempt.
type Job struct {
	ID          int64           `json:"id"`
	Kind        string          `json:"kind"`
	Queue       string          `json:"queue"`
	State       string          `json:"state"`
	TenantID    *uuid.UUID      `json:"tenant_id" db:"-"`
	RefID       *uuid.UUID      `json:"ref_id" db:"-"` // of the import, export, …
	Attempt     int             `json:"attempt"`
	MaxAttempts int             `json:"max_attempts"`
	AttemptedBy []string        `json:"attempted_by"`
	CreatedAt   time.Time       `json:"created_at"`
	ScheduledAt time.Time       `json:"scheduled_at"`
	AttemptedAt *time.Time      `json:"attempted_at"`
	FinalizedAt *time.Time      `json:"finalized_at"`
	RetryOf     *int64          `json:"retry_of"`                // the job in whose place this one runs
	RetriedAs   *int64          `json:"retried_as"`              // the job that runs in the place of this one
	Errors      []AttemptError  `json:"errors,omitempty" db:"-"` // filled by Get, oldest first
	Args        json.RawMessage `json:"args"`
}

// AttemptError is how one attempt went wrong. Trace is a stack, after a panic.
type AttemptError struct {
	At      time.Time `json:"at"`
	Attempt int       `json:"attempt"`
	Error   string    `json:"error"`
	Trace   string    `json:"trace"`
}

// Filter selects jobs; empty fields select all. Only an operator may leave Tenant out: the caller sees to it.
type Filter struct {
	State  string
	Kind   string
	Queue  string
	Tenant *uuid.UUID
	Limit  int   // a page; 50 if zero, at most 1,000
	After  int64 // the last id of the page before; 0: from the newest

	unretried bool // leave out those that another job runs in the place of
}

const (
	defaultPage = 50
	maxPage     = 1000
)

// A run that failed waits as pending (fair.go), and is retryable to people until its time has come.
const (
	triedLater = `attempt > 0 AND scheduled_at > now()`
	shownState = `CASE WHEN state = 'pending' AND ` + triedLater + ` THEN 'retryable' ELSE state::text END`
)

const listColumns = `SELECT id, kind, queue, ` + shownState + ` AS state, args ->> 'tenant_id' AS tenant, args ->> 'id' AS ref,
	attempt, max_attempts, coalesce(attempted_by, '{}') AS attempted_by, created_at, scheduled_at, attempted_at, finalized_at, args,
	(metadata ->> 'retry_of')::bigint AS retry_of, (metadata ->> 'retried_as')::bigint AS retried_as`

const getJob = listColumns + `, coalesce(to_jsonb(errors), '[]') AS errors FROM river.river_job WHERE id = $1`

const listJobs = listColumns + `, '[]'::jsonb AS errors FROM river.river_job`

type jobRow struct {
	Job
	Tenant, Ref *string
	Errors      json.RawMessage
}

func (r jobRow) job() (Job, error) {
	j := r.Job
	j.TenantID, j.RefID = idOf(r.Tenant), idOf(r.Ref)
	if err := json.Unmarshal(r.Errors, &j.Errors); err != nil {
		return Job{}, fmt.Errorf("jobs: errors of job %d: %w", j.ID, err)
	}
	return j, nil
}

func idOf(text *string) *uuid.UUID {
	if text == nil {
		return nil
	}
	id, err := uuid.Parse(*text)
	if err != nil {
		return nil
	}
	return &id
}

// Get gives a job with every error of its attempts. With a tenant, another's job is NotFound.
func (c *Client) Get(ctx context.Context, id int64, tenant *uuid.UUID) (Job, error) {
	found, err := c.query(ctx, getJob, id)
	if err != nil {
		return Job{}, err
	}
	if len(found) == 0 || !belongs(found[0], tenant) {
		return Job{}, ErrNotFound
	}
	return found[0], nil
}

func belongs(j Job, tenant *uuid.UUID) bool {
	return tenant == nil || (j.TenantID != nil && *j.TenantID == *tenant)
}

// List gives a page of jobs, newest first, without their errors, and the After of the next page; 0 after the last. A
// filter that names no state, kind or queue there is, or a limit out of range, is Malformed.
func (c *Client) List(ctx context.Context, f Filter) ([]Job, int64, error) {
	if err := f.validate(); err != nil {
		return nil, 0, err
	}
	setDefault(&f.Limit, defaultPage)
	where, args := f.where()
	args = append(args, f.Limit+1)
	found, err := c.query(ctx, fmt.Sprintf("%s%s ORDER BY id DESC LIMIT $%d", listJobs, where, len(args)), args...)
	if err != nil {
		return nil, 0, err
	}
	if len(found) <= f.Limit {
		return found, 0, nil
	}
	return found[:f.Limit], found[f.Limit-1].ID, nil
}

func (c *Client) query(ctx context.Context, sql string, args ...any) ([]Job, error) {
	rows, err := c.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, pg.Translate(fmt.Errorf("jobs: read: %w", err))
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[jobRow])
	if err != nil {
		return nil, pg.Translate(fmt.Errorf("jobs: read: %w", err))
	}
	out, errs := make([]Job, len(found)), make([]error, len(found))
	for i, r := range found {
		out[i], errs[i] = r.job()
	}
	return out, errors.Join(errs...)
}

func (f Filter) validate() error {
	switch {
	case f.State != "" && !slices.Contains(rivertype.JobStates(), rivertype.JobState(f.State)):
		return fault.Newf(fault.Malformed, "there is no job state %q", f.State)
	case f.Kind != "" && !isKind(f.Kind):
		return fault.Newf(fault.Malformed, "there is no kind of job %q", f.Kind)
	case f.Queue != "" && !isKind(f.Queue):
		return fault.Newf(fault.Malformed, "there is no queue %q", f.Queue)
	case f.Limit < 0 || f.Limit > maxPage:
		return fault.Newf(fault.Malformed, "limit must be between 1 and %d", maxPage)
	}
	return nil
}

// where gives the filter's conditions. They are put together, rather than all written with "or is null", so that each
// combination gets a plan of its own.
func (f Filter) where() (string, []any) {
	var conds []string
	var args []any
	add := func(cond string, arg any) {
		args = append(args, arg)
		conds = append(conds, fmt.Sprintf(cond, len(args)))
	}
	switch f.State { // written out, one of the known ones, for the planner to know how many there are
	case "":
	case string(rivertype.JobStateRetryable):
		conds = append(conds, "(state = 'retryable' OR (state = 'pending' AND "+triedLater+"))")
	case string(rivertype.JobStatePending):
		conds = append(conds, "state = 'pending' AND NOT ("+triedLater+")")
	default:
		conds = append(conds, "state = '"+f.State+"'")
	}
	if f.Kind != "" {
		add("kind = $%d", f.Kind)
	}
	if f.Queue != "" {
		add("queue = $%d", f.Queue)
	}
	if f.Tenant != nil {
		add("args ->> 'tenant_id' = $%d", f.Tenant.String())
	}
	if f.After > 0 {
		add("id < $%d", f.After)
	}
	if f.unretried {
		conds = append(conds, "NOT metadata ? 'retried_as'")
	}
	if conds == nil {
		return "", nil
	}
	return " WHERE " + strings.Join(conds, " AND "), args
}
