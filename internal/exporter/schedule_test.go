package exporter_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"wharf/internal/app"
	"wharf/internal/config"
	"wharf/internal/cron"
	"wharf/internal/exporter"
	"wharf/internal/fault"
	"wharf/internal/tenancy"
	"wharf/internal/testenv"
)

// desk is an installation of a test's own with one tenant at it. No worker runs.
type desk struct {
	*exporter.Service
	app   *app.App
	db    *testenv.DB
	admin *pgxpool.Pool
	s3    testenv.S3
	p     tenancy.Principal
}

// newDesk opens a desk; env adds settings, or takes the place of those that it has.
func newDesk(t *testing.T, env ...string) *desk {
	t.Helper()
	db, s3 := testenv.Sample(t), testenv.Objects(t)
	cfg, err := config.Load(append([]string{
		"DATABASE_URL=" + db.ServiceURL, "WHARF_DATABASE_MAX_CONNS=30", "WHARF_S3_ENDPOINT=" + s3.Endpoint, "WHARF_S3_BUCKET=" + s3.Bucket,
		"WHARF_S3_ACCESS_KEY=" + s3.AccessKey, "WHARF_S3_SECRET_KEY=" + s3.SecretKey, "WHARF_S3_PATH_STYLE=true",
		"WHARF_FIELD_KEYS=" + testenv.FieldKeys, "WHARF_EXPORT_ALLOW_PRIVATE=true", "WHARF_EXPORT_STARTS_PER_MINUTE=1000000",
	}, env...))
	require.NoError(t, err)
	a, err := app.Open(context.Background(), cfg, slog.New(slog.DiscardHandler), "test")
	require.NoError(t, err)
	t.Cleanup(a.Close)
	require.NoError(t, a.EnqueueOnly())
	d := &desk{Service: a.Exports, app: a, db: db, admin: db.Admin(t), s3: s3}
	return d.as(db.Tenant(t, "acme"))
}

// as gives the desk with another tenant at it.
func (d *desk) as(tenant uuid.UUID) *desk {
	other := *d
	other.p = tenancy.Principal{Tenant: tenant, Actor: "key:test", Role: tenancy.Manager}
	return &other
}

func (d *desk) create(t *testing.T, in exporter.ScheduleInput) exporter.Schedule {
	t.Helper()
	v, err := d.CreateSchedule(context.Background(), d.p, in)
	require.NoError(t, err)
	return v
}

func (d *desk) patch(t *testing.T, id uuid.UUID, patch string) (exporter.Schedule, error) {
	t.Helper()
	return d.UpdateSchedule(context.Background(), d.p, id, exporter.SchedulePatch(patch))
}

func (d *desk) show(t *testing.T, id uuid.UUID) exporter.Schedule {
	t.Helper()
	v, err := d.ShowSchedule(context.Background(), d.p, id)
	require.NoError(t, err)
	return v
}

func (d *desk) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	_, err := d.admin.Exec(context.Background(), sql, args...)
	require.NoError(t, err)
}

func read[T any](t *testing.T, d *desk, sql string, args ...any) (v T) {
	t.Helper()
	require.NoError(t, d.admin.QueryRow(context.Background(), sql, args...).Scan(&v), sql)
	return v
}

// due has the time of every schedule come, some turns ago.
func (d *desk) due(t *testing.T) {
	t.Helper()
	d.exec(t, `UPDATE wharf.export_schedules SET next_run_at = now() - interval '3 days' WHERE enabled`)
}

func (d *desk) runSchedules(t *testing.T) {
	t.Helper()
	require.NoError(t, d.RunSchedules(context.Background()))
}

// exports gives the tenant's exports, newest first.
func (d *desk) exports(t *testing.T) []exporter.Export {
	t.Helper()
	found, err := d.List(context.Background(), d.p, exporter.Filter{Limit: 100})
	require.NoError(t, err)
	return found
}

// work runs an export as a worker does.
func (d *desk) work(t *testing.T, id uuid.UUID) error {
	t.Helper()
	return d.Run(context.Background(), d.p.Tenant, id, func(context.Context, pgx.Tx) error { return nil })
}

// end ends an export as a worker does whose run has failed for good.
func (d *desk) end(t *testing.T, id uuid.UUID, status, reason string) {
	t.Helper()
	require.NoError(t, tenancy.Tx(context.Background(), d.app.DB, d.p, func(ctx context.Context, tx pgx.Tx) error {
		return d.End(ctx, tx, d.p.Tenant, id, status, reason)
	}))
}

func text(s string) *string { return &s }

func TestScheduleIsKeptAsItIsAskedFor(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	v := d.create(t, exporter.ScheduleInput{
		Cron: "30 2 * * mon", TimeZone: "Europe/Zurich",
		Request: exporter.Request{Format: exporter.FormatCSV, Scope: exporter.ScopeTables, Tables: []string{"contacts"}},
	})
	require.Equal(t, v, d.show(t, v.ID))
	times, err := cron.Parse("30 2 * * mon", "Europe/Zurich")
	require.NoError(t, err)
	next, _ := times.Next(v.CreatedAt)
	require.True(t, next.Equal(*v.NextRunAt), "%s %s", next, v.NextRunAt)
	require.Nil(t, v.LastRun)
	require.Equal(t, []any{true, "key:test", "csv", []string{"contacts"}}, []any{v.Enabled, v.CreatedBy, v.Format, v.Tables})

	v = d.create(t, exporter.ScheduleInput{Cron: "@daily"})
	require.Equal(t, []string{"UTC", "full", "json"}, []string{v.TimeZone, v.Scope, v.Format})
	all, err := d.ListSchedules(context.Background(), d.p, nil, 10)
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, v.ID, all[0].ID, "newest first")
	all, err = d.ListSchedules(context.Background(), d.p, &v.ID, 10)
	require.NoError(t, err)
	require.Len(t, all, 1)
}

func TestMistakesInAScheduleAreToldByTheirPlace(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "WHARF_EXPORT_ALLOW_PRIVATE=false")
	good := exporter.DestinationInput{
		Bucket:      exporter.Bucket{Bucket: "theirs", Endpoint: "https://s3.example.com"},
		Credentials: exporter.Credentials{AccessKey: "a", SecretKey: "s"},
	}
	to := func(change func(in *exporter.DestinationInput)) exporter.ScheduleInput {
		in := good
		change(&in)
		return exporter.ScheduleInput{Cron: "@daily", Destination: &in}
	}
	for name, c := range map[string]struct {
		in    exporter.ScheduleInput
		field string
	}{
		"no times":               {exporter.ScheduleInput{}, "cron"},
		"six fields":             {exporter.ScheduleInput{Cron: "0 0 0 * * *"}, "cron"},
		"a day that never comes": {exporter.ScheduleInput{Cron: "0 0 31 2 *"}, "cron"},
		"no such zone":           {exporter.ScheduleInput{Cron: "@daily", TimeZone: "Mars"}, "time_zone"},
		"no such table": {
			exporter.ScheduleInput{Cron: "@daily", Request: exporter.Request{Scope: exporter.ScopeTables, Tables: []string{"nonsense"}}}, "tables[0]",
		},
		"a passphrase": {
			exporter.ScheduleInput{Cron: "@daily", Request: exporter.Request{Encrypt: &exporter.Encryption{Passphrase: "correct horse battery staple"}}},
			"encrypt.passphrase",
		},
		"webhook in the clear":    {exporter.ScheduleInput{Cron: "@daily", WebhookURL: text("http://example.com")}, "webhook_url"},
		"no bucket":               {to(func(in *exporter.DestinationInput) { in.Bucket.Bucket = "" }), "destination.bucket"},
		"a bucket that is a path": {to(func(in *exporter.DestinationInput) { in.Bucket.Bucket = "a/../b" }), "destination.bucket"},
		"a region that is a host": {to(func(in *exporter.DestinationInput) { in.Region = "evil.example/x" }), "destination.region"},
		"a prefix that climbs":    {to(func(in *exporter.DestinationInput) { in.Prefix = "../x" }), "destination.prefix"},
		"an absolute prefix":      {to(func(in *exporter.DestinationInput) { in.Prefix = "/x" }), "destination.prefix"},
		"the machine's own keys":  {to(func(in *exporter.DestinationInput) { in.Credentials = exporter.Credentials{} }), "destination.access_key"},
		"half a key pair":         {to(func(in *exporter.DestinationInput) { in.SecretKey = "" }), "destination.access_key"},
		"in the clear":            {to(func(in *exporter.DestinationInput) { in.Endpoint = "http://s3.example.com" }), "destination.endpoint"},
		"no URL":                  {to(func(in *exporter.DestinationInput) { in.Endpoint = "s3.example.com" }), "destination.endpoint"},
		"a password in the URL":   {to(func(in *exporter.DestinationInput) { in.Endpoint = "https://a:b@s3.example.com" }), "destination.endpoint"},
		"this machine":            {to(func(in *exporter.DestinationInput) { in.Endpoint = "https://127.0.0.1" }), "destination.endpoint"},
		"a private network":       {to(func(in *exporter.DestinationInput) { in.Endpoint = "https://10.1.2.3:9000" }), "destination.endpoint"},
		"a cloud's metadata":      {to(func(in *exporter.DestinationInput) { in.Endpoint = "https://169.254.169.254" }), "destination.endpoint"},
		"this machine, in IPv6":   {to(func(in *exporter.DestinationInput) { in.Endpoint = "https://[::ffff:127.0.0.1]" }), "destination.endpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := d.CreateSchedule(context.Background(), d.p, c.in)
			f, coded := fault.As(err)
			require.True(t, coded, err)
			require.Equal(t, fault.Invalid, f.Code)
			require.Equal(t, c.field, f.Fields[0].Field)
			require.NotContains(t, err.Error(), "horse")
		})
	}
	d.create(t, to(func(*exporter.DestinationInput) {}))
}

func TestPatchChangesWhatItNames(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	v := d.create(t, exporter.ScheduleInput{Cron: "@daily", Request: exporter.Request{Exclude: []string{"contacts"}}})
	same, err := d.patch(t, v.ID, `{"format": "csv"}`)
	require.NoError(t, err)
	require.Equal(t, []any{"csv", []string{"contacts"}, "@daily", v.NextRunAt}, []any{same.Format, same.Exclude, same.Cron, same.NextRunAt})
	moved, err := d.patch(t, v.ID, `{"time_zone": "Asia/Kathmandu", "exclude": null}`)
	require.NoError(t, err)
	require.False(t, moved.NextRunAt.Equal(*v.NextRunAt))
	require.Empty(t, moved.Exclude)
	off, err := d.patch(t, v.ID, `{"enabled": false}`)
	require.NoError(t, err)
	require.Nil(t, off.NextRunAt)
	on, err := d.patch(t, v.ID, `{"enabled": true}`)
	require.NoError(t, err)
	require.Equal(t, moved.NextRunAt, on.NextRunAt)

	d.due(t)
	kept, err := d.patch(t, v.ID, `{"format": "json"}`)
	require.NoError(t, err)
	require.True(t, kept.NextRunAt.Before(time.Now()), "a turn that is due is not lost")
	for patch, field := range map[string]string{`{"cron": "x"}`: "cron", `{"time_zone": "x"}`: "time_zone", `{"tables": ["contacts"]}`: "tables"} {
		_, err := d.patch(t, v.ID, patch)
		f, _ := fault.As(err)
		require.Equal(t, field, f.Fields[0].Field, patch)
	}
	_, err = d.patch(t, uuid.New(), `{"enabled": true}`)
	require.ErrorIs(t, err, exporter.ErrScheduleNotFound)
}

func TestTenantHasSoManySchedules(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	v := d.create(t, exporter.ScheduleInput{Cron: "@daily"})
	d.exec(t, `INSERT INTO wharf.export_schedules SELECT (jsonb_populate_record(s, jsonb_build_object('id', gen_random_uuid()))).*
		FROM wharf.export_schedules s, generate_series(1, 99) WHERE s.id = $1`, v.ID)
	_, err := d.CreateSchedule(context.Background(), d.p, exporter.ScheduleInput{Cron: "@daily"})
	require.Equal(t, fault.Conflict, fault.CodeOf(err))
	d.as(d.db.Tenant(t, "other")).create(t, exporter.ScheduleInput{Cron: "@daily"})
}

func TestWhatIsDoneWithSchedulesIsInTheAuditLog(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	v := d.create(t, d.intoOwnBucket(t, "@daily"))
	_, err := d.patch(t, v.ID, `{"enabled": false}`)
	require.NoError(t, err)
	require.NoError(t, d.DeleteSchedule(context.Background(), d.p, v.ID))
	require.ErrorIs(t, d.DeleteSchedule(context.Background(), d.p, v.ID), exporter.ErrScheduleNotFound)
	require.Equal(t, []string{"export_schedule.create", "export_schedule.update", "export_schedule.delete", "export_schedule.delete"},
		read[[]string](t, d, `SELECT array_agg(action ORDER BY id) FROM wharf.audit_log WHERE scope ->> 'schedule_id' = $1`, v.ID.String()))
	require.Equal(t, d.s3.Bucket, read[string](t, d, `SELECT scope -> 'destination' ->> 'bucket' FROM wharf.audit_log WHERE action = 'export_schedule.create'`))
	d.secretIsNowhere(t)
}
