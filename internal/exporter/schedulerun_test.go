package exporter_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"wharf/internal/exporter"
)

func TestDueScheduleStartsOneExportHoweverManyTurnsWereMissed(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	v := d.create(t, exporter.ScheduleInput{Cron: "@hourly", Request: exporter.Request{Format: exporter.FormatCSV}})
	d.runSchedules(t)
	require.Empty(t, d.exports(t), "its time has not come")
	d.due(t)
	d.runSchedules(t)
	d.runSchedules(t)
	found := d.exports(t)
	require.Len(t, found, 1)
	require.Equal(t, []any{"schedule:" + v.ID.String(), "csv", &v.ID}, []any{found[0].RequestedBy, found[0].Format, found[0].ScheduleID})
	require.Equal(t, 1, read[int](t, d, `SELECT count(*) FROM wharf.audit_log WHERE tenant_id = $1 AND action = 'export.start'
		AND outcome = 'started' AND actor = $2`, d.p.Tenant, found[0].RequestedBy))
	now := d.show(t, v.ID)
	require.True(t, now.NextRunAt.After(now.LastRun.At), "the next turn is to come")
	require.LessOrEqual(t, now.NextRunAt.Sub(now.LastRun.At), time.Hour)
	require.Equal(t, exporter.Turn{At: now.LastRun.At, Outcome: exporter.TurnStarted, ExportID: &found[0].ID}, *now.LastRun)
	require.NoError(t, d.work(t, found[0].ID))
	require.Equal(t, exporter.Completed, d.exports(t)[0].Status)
}

func TestWorkersAtOnceStartEachExportOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	other := d.as(d.db.Tenant(t, "other"))
	for range 4 {
		d.create(t, exporter.ScheduleInput{Cron: "@daily"})
		other.create(t, exporter.ScheduleInput{Cron: "@daily"})
	}
	d.due(t)
	var all sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		all.Go(func() { errs[i] = d.RunSchedules(context.Background()) })
	}
	all.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Len(t, d.exports(t), 4)
	require.Len(t, other.exports(t), 4)
	require.Equal(t, 8, read[int](t, d, `SELECT count(*) FROM wharf.audit_log WHERE action = 'export.start'`))
	require.Equal(t, 8, read[int](t, d, `SELECT count(*) FROM river.river_job WHERE kind = 'export'`))
}

func TestTurnIsLeftOutWhileTheExportBeforeRuns(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	v := d.create(t, exporter.ScheduleInput{Cron: "@hourly"})
	d.due(t)
	d.runSchedules(t)
	first := d.exports(t)[0].ID
	d.due(t)
	d.runSchedules(t)
	require.Len(t, d.exports(t), 1)
	now := d.show(t, v.ID)
	require.Equal(t, []any{exporter.TurnSkipped, &first}, []any{now.LastRun.Outcome, now.LastRun.ExportID})
	require.Equal(t, "the export before still ran", *now.LastRun.Error)
	require.True(t, now.NextRunAt.After(now.LastRun.At))
	require.NoError(t, d.work(t, first))
	d.due(t)
	d.runSchedules(t)
	require.Len(t, d.exports(t), 2)
	require.Nil(t, d.show(t, v.ID).LastRun.Error)
}

func TestScheduleThatIsNotEnabledOrGoneStartsNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	off := d.create(t, exporter.ScheduleInput{Cron: "@hourly"})
	gone := d.create(t, exporter.ScheduleInput{Cron: "@hourly"})
	d.due(t)
	_, err := d.patch(t, off.ID, `{"enabled": false}`)
	require.NoError(t, err)
	require.NoError(t, d.DeleteSchedule(context.Background(), d.p, gone.ID))
	d.runSchedules(t)
	require.Empty(t, d.exports(t))
}

func TestScheduleThatCannotStartIsNotedAndHoldsNoOtherUp(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.exec(t, `CREATE TABLE public.passing (id uuid PRIMARY KEY, tenant_id uuid NOT NULL); GRANT SELECT ON public.passing TO wharf_service`)
	broken := d.create(t, exporter.ScheduleInput{Cron: "@hourly", Request: exporter.Request{Scope: exporter.ScopeTables, Tables: []string{"passing"}}})
	d.exec(t, `DROP TABLE public.passing`)
	whole := d.create(t, exporter.ScheduleInput{Cron: "@hourly"})
	d.due(t)
	d.runSchedules(t)
	require.Equal(t, exporter.TurnStarted, d.show(t, whole.ID).LastRun.Outcome)
	turn := d.show(t, broken.ID)
	require.Equal(t, exporter.TurnFailed, turn.LastRun.Outcome)
	require.Equal(t, "the export cannot be made as it is asked for", *turn.LastRun.Error)
	require.True(t, turn.NextRunAt.After(turn.LastRun.At))
	require.Len(t, d.exports(t), 1)
	require.Equal(t, []string{"started", "failed"}, read[[]string](t, d, `SELECT array_agg(outcome ORDER BY id) FROM wharf.audit_log
		WHERE action = 'export.start' AND actor = $1`, "schedule:"+broken.ID.String()))
}

func TestScheduledStartsKeepToTheTenantsLimit(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "WHARF_EXPORT_STARTS_PER_MINUTE=2")
	for range 3 {
		d.create(t, exporter.ScheduleInput{Cron: "@hourly"})
	}
	d.due(t)
	d.runSchedules(t)
	require.Len(t, d.exports(t), 2)
	d.runSchedules(t)
	require.Len(t, d.exports(t), 2)
	d.exec(t, `UPDATE wharf.rate_limits SET tat = tat - interval '1 minute'`)
	d.runSchedules(t)
	require.Len(t, d.exports(t), 3, "it waited, and was not left out")
}

func TestExportsOfAScheduleOutliveIt(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	v := d.create(t, exporter.ScheduleInput{Cron: "@hourly"})
	d.due(t)
	d.runSchedules(t)
	require.NoError(t, d.DeleteSchedule(context.Background(), d.p, v.ID))
	id := d.exports(t)[0].ID
	require.NoError(t, d.work(t, id))
	link, err := d.Download(context.Background(), d.p, id)
	require.NoError(t, err)
	require.NotEmpty(t, fetched(t, link))
	require.NoError(t, d.Delete(context.Background(), d.p, id))
}

func TestWebhookOfAScheduleIsToldHowItsExportsEnd(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	v := d.create(t, exporter.ScheduleInput{Cron: "@hourly", WebhookURL: text("https://example.com/hook")})
	require.Regexp(t, "^whsec_", v.WebhookSecret)
	require.Empty(t, d.show(t, v.ID).WebhookSecret, "it is shown once")
	for _, fails := range []bool{false, true} {
		d.due(t)
		d.runSchedules(t)
		id := d.exports(t)[0].ID
		if fails {
			d.end(t, id, exporter.Failed, "no more room")
		} else {
			require.NoError(t, d.work(t, id))
		}
		d.end(t, id, exporter.Failed, "again") // an end that was written stays, and is told once
	}
	require.Equal(t, []string{"export.completed completed", "export.failed failed"}, read[[]string](t, d,
		`SELECT array_agg(event || ' ' || (payload ->> 'status') ORDER BY id) FROM wharf.deliveries WHERE owner_kind = 'export_schedule' AND owner_id = $1`, v.ID))
	require.Equal(t, "no more room", read[string](t, d, `SELECT payload ->> 'error' FROM wharf.deliveries WHERE event = 'export.failed'`))
	require.Equal(t, uuid.MustParse(read[string](t, d, `SELECT payload ->> 'export_id' FROM wharf.deliveries WHERE event = 'export.failed'`)), d.exports(t)[0].ID)

	quiet, err := d.patch(t, v.ID, `{"webhook_url": null}`)
	require.NoError(t, err)
	require.Nil(t, quiet.WebhookURL)
	d.due(t)
	d.runSchedules(t)
	require.NoError(t, d.work(t, d.exports(t)[0].ID))
	require.Equal(t, 2, read[int](t, d, `SELECT count(*) FROM wharf.deliveries`))
}
