package exporter

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"wharf/internal/cron"
	"wharf/internal/fault"
)

// ErrScheduleNotFound is the answer to an id that is not the tenant's.
var ErrScheduleNotFound = fault.New(fault.NotFound, "export schedule not found")

// maxSchedules is how many a tenant may have.
const maxSchedules = 100

// What became of a schedule's last turn.
const (
	TurnStarted = "started"
	TurnSkipped = "skipped" // its export before that still ran
	TurnFailed  = "failed"
)

// ScheduleInput is what a schedule is asked for: when, and which export.
type ScheduleInput struct {
	Cron        string            `json:"cron"`
	TimeZone    string            `json:"time_zone"` // "": UTC
	Enabled     *bool             `json:"enabled"`   // nil: it is
	Destination *DestinationInput `json:"destination"`
	WebhookURL  *string           `json:"webhook_url"`
	Request
}

// SchedulePatch is a JSON object with the members that change (RFC 7396).
type SchedulePatch []byte

// UnmarshalJSON keeps the object as it is.
func (p *SchedulePatch) UnmarshalJSON(b []byte) error {
	*p = append((*p)[:0], b...)
	return nil
}

// apply puts the members of the patch over in. null takes what may be absent away.
func (p SchedulePatch) apply(in *ScheduleInput) error {
	if err := json.Unmarshal(p, in); err != nil {
		return fault.Wrap(err, fault.Invalid, "the body does not fit")
	}
	return nil
}

// Schedule has exports start by themselves.
type Schedule struct {
	ID          uuid.UUID    `json:"id"`
	Cron        string       `json:"cron"`
	TimeZone    string       `json:"time_zone"`
	Enabled     bool         `json:"enabled"`
	Destination *Destination `json:"destination"` // nil: Wharf's bucket
	WebhookURL  *string      `json:"webhook_url"`
	Request
	NextRunAt     *time.Time `json:"next_run_at"` // nil: not enabled
	LastRun       *Turn      `json:"last_run"`    // nil: none yet
	CreatedBy     string     `json:"created_by"`
	CreatedAt     time.Time  `json:"created_at"`
	UpdatedAt     time.Time  `json:"updated_at"`
	WebhookSecret string     `json:"webhook_secret,omitempty"` // in the answer that made it, and never again
}

// Turn is what became of a schedule when its time came.
type Turn struct {
	At       time.Time  `json:"at"`
	Outcome  string     `json:"outcome"`
	Error    *string    `json:"error"`
	ExportID *uuid.UUID `json:"export_id"` // the last that was started, in this turn or before
}

// scheduleRow is a schedule as wharf.export_schedules holds it, with its destination.
type scheduleRow struct {
	ID             uuid.UUID
	TenantID       uuid.UUID
	Cron           string
	TimeZone       string
	Request        json.RawMessage
	Enabled        bool
	DestinationID  *uuid.UUID
	Config         json.RawMessage // of the destination; nil without one
	HasCredentials bool
	WebhookURL     *string
	NextRunAt      *time.Time
	LastRunAt      *time.Time
	LastOutcome    *string
	LastError      *string
	LastExportID   *uuid.UUID
	CreatedBy      string
	CreatedAt      time.Time
	UpdatedAt      time.Time
	Now            time.Time // of the database: schedules go by its clock
}

// view gives the row as the API shows it.
func (r scheduleRow) view() (Schedule, error) {
	v := Schedule{
		ID: r.ID, Cron: r.Cron, TimeZone: r.TimeZone, Enabled: r.Enabled, WebhookURL: r.WebhookURL, NextRunAt: r.NextRunAt,
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
	if err := json.Unmarshal(r.Request, &v.Request); err != nil {
		return Schedule{}, fmt.Errorf("exporter: request of schedule %s: %w", r.ID, err)
	}
	if r.Config != nil {
		v.Destination = &Destination{HasCredentials: r.HasCredentials}
		if err := json.Unmarshal(r.Config, &v.Destination.Bucket); err != nil {
			return Schedule{}, fmt.Errorf("exporter: destination of schedule %s: %w", r.ID, err)
		}
	}
	if r.LastRunAt != nil {
		v.LastRun = &Turn{At: *r.LastRunAt, Outcome: *r.LastOutcome, Error: r.LastError, ExportID: r.LastExportID}
	}
	return v, nil
}

// input gives the schedule as it could be asked for; its credentials are not told.
func (v Schedule) input() ScheduleInput {
	in := ScheduleInput{Cron: v.Cron, TimeZone: v.TimeZone, Enabled: &v.Enabled, WebhookURL: v.WebhookURL, Request: v.Request}
	if v.Destination != nil {
		in.Destination = &DestinationInput{Bucket: v.Destination.Bucket}
	}
	return in
}

func (in ScheduleInput) withDefaults() ScheduleInput {
	in.Request = in.Request.withDefaults()
	if in.TimeZone == "" {
		in.TimeZone = "UTC"
	}
	if in.Enabled == nil {
		enabled := true
		in.Enabled = &enabled
	}
	if in.Destination != nil {
		d := in.Destination.withDefaults()
		in.Destination = &d
	}
	return in
}

// times reads when the schedule is due.
func (in ScheduleInput) times() (cron.Schedule, []fault.Field) {
	if _, err := cron.Zone(in.TimeZone); err != nil {
		return cron.Schedule{}, []fault.Field{{Field: "time_zone", Message: err.Error()}}
	}
	times, err := cron.Parse(in.Cron, in.TimeZone)
	if err != nil {
		return cron.Schedule{}, []fault.Field{{Field: "cron", Message: err.Error()}}
	}
	return times, nil
}

// nextRun gives when the schedule is due after now; nil if it is not enabled.
func (in ScheduleInput) nextRun(times cron.Schedule, now time.Time) *time.Time {
	next, ok := times.Next(now)
	if !ok || !*in.Enabled {
		return nil
	}
	return &next
}
