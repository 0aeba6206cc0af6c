package exporter

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/audit"
	"wharf/internal/cron"
	"wharf/internal/fault"
	"wharf/internal/tenancy"
)

// What is done with schedules, in the audit log.
const (
	ActionScheduleCreate = "export_schedule.create"
	ActionScheduleUpdate = "export_schedule.update"
	ActionScheduleDelete = "export_schedule.delete"
)

// scheduleScope is what the audit log holds of a schedule: where the tenant's rows will go, and no secret.
type scheduleScope struct {
	ID          uuid.UUID `json:"schedule_id"`
	Cron        string    `json:"cron,omitempty"`
	TimeZone    string    `json:"time_zone,omitempty"`
	Enabled     *bool     `json:"enabled,omitempty"`
	Destination *Bucket   `json:"destination,omitempty"`
	WebhookURL  *string   `json:"webhook_url,omitempty"`
	Request     *Request  `json:"request,omitempty"`
}

func (in ScheduleInput) scope(id uuid.UUID) scheduleScope {
	req := in.public()
	sc := scheduleScope{ID: id, Cron: in.Cron, TimeZone: in.TimeZone, Enabled: in.Enabled, WebhookURL: in.WebhookURL, Request: &req}
	if in.Destination != nil {
		sc.Destination = &in.Destination.Bucket
	}
	return sc
}

// CreateSchedule stores a schedule. Invalid names what is wrong; Conflict if the tenant has too many; ErrNoDestinationKeys.
func (s *Service) CreateSchedule(ctx context.Context, p tenancy.Principal, in ScheduleInput) (v Schedule, err error) {
	in = in.withDefaults()
	r := scheduleRow{ID: uuid.Must(uuid.NewV7())}
	if err := s.cfg.Audit.Write(ctx, p, ActionScheduleCreate, audit.Started, in.scope(r.ID)); err != nil {
		return Schedule{}, fmt.Errorf("exporter: audit: %w", err)
	}
	err = tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) error {
		if err := room(ctx, tx, p.Tenant); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `SELECT now()`).Scan(&r.Now); err != nil {
			return fmt.Errorf("exporter: read clock: %w", err)
		}
		if err := s.settle(ctx, tx, p, &r, in, false); err != nil {
			return err
		}
		_, err := exec(ctx, tx, "write schedule", insertSchedule, r.ID, p.Tenant, r.Cron, r.TimeZone, r.Request, r.Enabled, r.DestinationID,
			r.WebhookURL, r.NextRunAt, p.Actor)
		if err != nil {
			return err
		}
		v, err = s.written(ctx, tx, p, r)
		return err
	})
	return v, err
}

// UpdateSchedule changes what the patch names. Exports that have started go on as they began. Errors as CreateSchedule;
// ErrScheduleNotFound.
func (s *Service) UpdateSchedule(ctx context.Context, p tenancy.Principal, id uuid.UUID, patch SchedulePatch) (v Schedule, err error) {
	err = tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) error {
		r, err := readSchedule(ctx, tx, lockSchedule, p.Tenant, id)
		if err != nil {
			return err
		}
		now, err := r.view()
		if err != nil {
			return err
		}
		in := now.input()
		if err := patch.apply(&in); err != nil {
			return err
		}
		in = in.withDefaults()
		if err := s.cfg.Audit.Write(ctx, p, ActionScheduleUpdate, audit.Started, in.scope(id)); err != nil {
			return fmt.Errorf("exporter: audit: %w", err)
		}
		if err := s.settle(ctx, tx, p, &r, in, keepsCredentials(now, in)); err != nil {
			return err
		}
		_, err = exec(ctx, tx, "write schedule", updateSchedule, p.Tenant, id, r.Cron, r.TimeZone, r.Request, r.Enabled, r.DestinationID,
			r.WebhookURL, r.NextRunAt)
		if err != nil {
			return err
		}
		v, err = s.written(ctx, tx, p, r)
		return err
	})
	return v, err
}

// written gives the schedule as it was just written, with a signing secret if it needs one and had none.
func (s *Service) written(ctx context.Context, tx pgx.Tx, p tenancy.Principal, r scheduleRow) (Schedule, error) {
	secret := ""
	if r.WebhookURL != nil {
		var err error
		if secret, err = s.cfg.Webhooks.Secret(ctx, tx, p.Tenant, Hook{Schedule: r.ID}); err != nil {
			return Schedule{}, err //nolint:wrapcheck // translated by tenancy.Tx
		}
	}
	r, err := readSchedule(ctx, tx, selectSchedule, p.Tenant, r.ID)
	if err != nil {
		return Schedule{}, err
	}
	v, err := r.view()
	v.WebhookSecret = secret
	return v, err
}

// room returns Conflict if the tenant has as many schedules as it may.
func room(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) error {
	if _, err := exec(ctx, tx, "lock schedules", lockTenantSchedules, tenant); err != nil {
		return err
	}
	var n int
	if err := tx.QueryRow(ctx, countSchedules, tenant).Scan(&n); err != nil {
		return fmt.Errorf("exporter: count schedules: %w", err)
	}
	if n >= maxSchedules {
		return fault.Newf(fault.Conflict, "there are %d export schedules, the most that a tenant may have", n)
	}
	return nil
}

// keepsCredentials reports whether the schedule goes on to the bucket that it has credentials for. Elsewhere they would be shown to
// whoever is there.
func keepsCredentials(now Schedule, in ScheduleInput) bool {
	if now.Destination == nil || in.Destination == nil || in.Destination.AccessKey != "" || in.Destination.SecretKey != "" {
		return false
	}
	was, is := now.Destination.Bucket, in.Destination.Bucket
	return was.Bucket == is.Bucket && was.Endpoint == is.Endpoint && was.Region == is.Region
}

// checkSchedule returns one Invalid that names every place that is wrong.
func (s *Service) checkSchedule(ctx context.Context, tx pgx.Tx, p tenancy.Principal, in ScheduleInput, keep bool) (cron.Schedule, error) {
	times, wrong := in.times()
	if in.byPassphrase() {
		wrong = append(wrong, fault.Field{Field: "encrypt.passphrase", Message: "does not go with a schedule, which would have to keep it: give recipients"})
	}
	if in.Destination != nil {
		if s.cfg.Crypt == nil {
			return times, ErrNoDestinationKeys
		}
		wrong = append(wrong, in.Destination.check(s.cfg.AllowPrivate, keep)...)
	}
	if in.WebhookURL != nil {
		if err := s.cfg.Webhooks.CheckURL(*in.WebhookURL); err != nil {
			f, _ := fault.As(err)
			wrong = append(wrong, fault.Field{Field: "webhook_url", Message: f.Message})
		}
	}
	if wrong != nil {
		return times, fault.New(fault.Invalid, "the schedule cannot be made as it is asked for").WithFields(wrong...)
	}
	return times, s.fits(ctx, tx, p, in.Request)
}

// settle checks what is asked for and puts it into the row, and stores its destination if it is another.
func (s *Service) settle(ctx context.Context, tx pgx.Tx, p tenancy.Principal, r *scheduleRow, in ScheduleInput, keep bool) error {
	times, err := s.checkSchedule(ctx, tx, p, in, keep)
	if err != nil {
		return err
	}
	switch d := in.Destination; {
	case d == nil:
		r.DestinationID = nil
	case r.DestinationID == nil || d.AccessKey != "" || !sameBucket(r.Config, d.Bucket):
		to, err := s.keepDestination(ctx, tx, p.Tenant, r.ID, *d, r.DestinationID)
		if err != nil {
			return err
		}
		r.DestinationID = &to
	}
	if r.Request, err = json.Marshal(in.Request); err != nil {
		return fmt.Errorf("exporter: encode request: %w", err)
	}
	if r.Cron != in.Cron || r.TimeZone != in.TimeZone || r.Enabled != *in.Enabled { // else a turn that is due would be lost
		r.NextRunAt = in.nextRun(times, r.Now)
	}
	r.Cron, r.TimeZone, r.Enabled, r.WebhookURL = in.Cron, in.TimeZone, *in.Enabled, in.WebhookURL
	return nil
}

func sameBucket(config json.RawMessage, b Bucket) bool {
	var was Bucket
	return json.Unmarshal(config, &was) == nil && reflect.DeepEqual(was, b)
}

// ShowSchedule gives a schedule. ErrScheduleNotFound.
func (s *Service) ShowSchedule(ctx context.Context, p tenancy.Principal, id uuid.UUID) (Schedule, error) {
	var r scheduleRow
	err := tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) (err error) {
		r, err = readSchedule(ctx, tx, selectSchedule, p.Tenant, id)
		return err
	})
	if err != nil {
		return Schedule{}, err
	}
	return r.view()
}

// ListSchedules gives at most limit schedules, newest first, after the one named.
func (s *Service) ListSchedules(ctx context.Context, p tenancy.Principal, after *uuid.UUID, limit int) ([]Schedule, error) {
	var found []scheduleRow
	err := tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) (err error) {
		found, err = readSchedules(ctx, tx, listSchedules, p.Tenant, after, limit)
		return err
	})
	out := make([]Schedule, 0, len(found))
	for _, r := range found {
		v, viewErr := r.view()
		if viewErr != nil {
			return nil, viewErr
		}
		out = append(out, v)
	}
	return out, err
}

// DeleteSchedule ends a schedule and forgets the credentials of its buckets. Its exports stay, but for those in the tenant's own
// bucket Wharf has no links any more. ErrScheduleNotFound.
func (s *Service) DeleteSchedule(ctx context.Context, p tenancy.Principal, id uuid.UUID) error {
	if err := s.cfg.Audit.Write(ctx, p, ActionScheduleDelete, audit.Started, scheduleScope{ID: id}); err != nil {
		return fmt.Errorf("exporter: audit: %w", err)
	}
	return tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) error {
		n, err := exec(ctx, tx, "delete schedule", deleteSchedule, p.Tenant, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrScheduleNotFound
		}
		if _, err := exec(ctx, tx, "forget credentials", forgetCredentials, p.Tenant, id); err != nil {
			return err
		}
		return s.cfg.Webhooks.Drop(ctx, tx, p.Tenant, Hook{Schedule: id}) //nolint:wrapcheck // translated by tenancy.Tx
	})
}
