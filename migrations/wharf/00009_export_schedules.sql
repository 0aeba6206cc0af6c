-- +goose Up

-- Buckets of tenants' own. A row is never changed but to forget its credentials: what went there is still found by it when its
-- schedule goes elsewhere.
CREATE TABLE wharf.export_destinations (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL,
    schedule_id uuid NOT NULL, -- that it was made for, and that may be gone
    config      jsonb NOT NULL, -- bucket, prefix, endpoint, region, path_style
    credentials bytea,          -- sealed for this row; null: forgotten with the schedule
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX export_destinations_schedule ON wharf.export_destinations (schedule_id);
ALTER TABLE wharf.export_destinations ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON wharf.export_destinations USING (tenant_id = (SELECT wharf.tenant()));

CREATE TABLE wharf.export_schedules (
    id             uuid PRIMARY KEY,
    tenant_id      uuid NOT NULL,
    cron           text NOT NULL,
    time_zone      text NOT NULL,
    request        jsonb NOT NULL, -- of each export
    enabled        boolean NOT NULL,
    destination_id uuid REFERENCES wharf.export_destinations, -- null: Wharf's bucket
    webhook_url    text,
    next_run_at    timestamptz, -- null: not enabled
    last_run_at    timestamptz,
    last_outcome   text CHECK (last_outcome IN ('started', 'skipped', 'failed')),
    last_error     text, -- why not started
    last_export_id uuid, -- the last that was started
    created_by     text NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    CHECK (enabled = (next_run_at IS NOT NULL))
);
CREATE INDEX export_schedules_tenant ON wharf.export_schedules (tenant_id, id DESC);
CREATE INDEX export_schedules_due ON wharf.export_schedules (next_run_at) WHERE enabled;
ALTER TABLE wharf.export_schedules ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON wharf.export_schedules USING (tenant_id = (SELECT wharf.tenant()));

-- An export outlives its schedule, hence no foreign key for that.
ALTER TABLE wharf.exports ADD schedule_id uuid, ADD destination_id uuid REFERENCES wharf.export_destinations;

-- Schedules of every tenant whose time has come: ids and nothing of the rows.
-- +goose StatementBegin
CREATE FUNCTION wharf.due_export_schedules(at_most integer) RETURNS TABLE (tenant_id uuid, id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT s.tenant_id, s.id FROM wharf.export_schedules s
    WHERE s.enabled AND s.next_run_at <= now() ORDER BY s.next_run_at LIMIT at_most;
END;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION wharf.due_export_schedules;
ALTER TABLE wharf.exports DROP schedule_id, DROP destination_id;
DROP TABLE wharf.export_schedules, wharf.export_destinations;
