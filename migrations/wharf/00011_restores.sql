-- +goose Up

CREATE TABLE wharf.restores (
    id              uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL,
    status          text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'processing', 'completed', 'failed', 'cancelled')),
    error           text,
    dry_run         boolean NOT NULL,
    verify          boolean NOT NULL,
    export_id       uuid, -- whose object is read; null: a file that was sent
    file_name       text NOT NULL,
    file_key        text,
    file_bytes      bigint NOT NULL,
    file_sha256     text NOT NULL DEFAULT '', -- hex; '': not known
    swept_at        timestamptz, -- retention has passed: the file and the webhook's secret are gone
    phase           text NOT NULL DEFAULT '',
    at_table        text NOT NULL DEFAULT '',
    rows_done       bigint NOT NULL DEFAULT 0,
    bytes_read      bigint NOT NULL DEFAULT 0,
    step            integer NOT NULL DEFAULT 0,
    steps           integer NOT NULL DEFAULT 0,
    num_rows        bigint NOT NULL DEFAULT 0,
    report          jsonb, -- created, updated, unchanged, skipped by table; warnings; verified
    loose           text[] NOT NULL DEFAULT '{}', -- prefixes of stored files that no row names unless their run ended well
    webhook_url     text,
    requested_by    text NOT NULL,
    job_id          bigint,
    created_at      timestamptz NOT NULL DEFAULT now(),
    started_at      timestamptz,
    completed_at    timestamptz,
    CHECK ((export_id IS NULL) <> (file_key IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX restores_tenant ON wharf.restores (tenant_id, id DESC);
CREATE INDEX restores_running ON wharf.restores (id) WHERE status IN ('pending', 'processing');
CREATE INDEX restores_file ON wharf.restores (file_key) WHERE swept_at IS NULL;
-- What retention has yet to look at.
CREATE INDEX restores_kept ON wharf.restores (coalesce(completed_at, created_at))
    WHERE swept_at IS NULL OR loose <> '{}';
ALTER TABLE wharf.restores ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON wharf.restores USING (tenant_id = (SELECT wharf.tenant()));

-- An upload serves an import or a restore.
ALTER TABLE wharf.uploads ADD restore_id uuid, ADD CHECK (import_id IS NULL OR restore_id IS NULL);

ALTER TABLE wharf.tenant_limits DROP CONSTRAINT tenant_limits_name_check,
    ADD CONSTRAINT tenant_limits_name_check
        CHECK (name IN ('export_starts', 'import_starts', 'restore_starts', 'upload_starts', 'requests'));
ALTER TABLE wharf.webhooks DROP CONSTRAINT webhooks_owner_kind_check,
    ADD CONSTRAINT webhooks_owner_kind_check CHECK (owner_kind IN ('importer', 'export_schedule', 'restore'));

-- Status rows that no job will end any more; see 00002.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION wharf.unsettled_jobs(grace interval, only_id uuid, at_most integer)
    RETURNS TABLE (kind text, tenant_id uuid, id uuid, job_id bigint, state text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT r.kind, r.tenant_id, r.id, r.job_id, j.state::text
    FROM (
        SELECT 'import' AS kind, i.tenant_id, i.id, i.job_id, coalesce(i.completed_at, i.started_at, i.created_at) AS since
        FROM wharf.imports i WHERE i.status IN ('pending', 'processing') OR i.revert_status IN ('pending', 'processing')
        UNION ALL
        SELECT 'export', e.tenant_id, e.id, e.job_id, coalesce(e.started_at, e.created_at)
        FROM wharf.exports e WHERE e.status IN ('pending', 'processing')
        UNION ALL
        SELECT 'restore', s.tenant_id, s.id, s.job_id, coalesce(s.started_at, s.created_at)
        FROM wharf.restores s WHERE s.status IN ('pending', 'processing')
    ) r
    LEFT JOIN river.river_job j ON j.id = r.job_id
    WHERE r.id BETWEEN coalesce(only_id, '00000000-0000-0000-0000-000000000000')
                   AND coalesce(only_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
      AND CASE WHEN j.id IS NULL THEN r.since < now() - grace ELSE j.finalized_at < now() - grace END
    LIMIT at_most
$$;

-- Restores of every tenant that have ended and left something whose time has come: ids and nothing of the rows.
CREATE FUNCTION wharf.restores_to_sweep(files_before timestamptz, loose_before timestamptz, at_most integer)
    RETURNS TABLE (tenant_id uuid, id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.tenant_id, s.id FROM wharf.restores s
    WHERE (s.swept_at IS NULL OR s.loose <> '{}') AND s.status IN ('completed', 'failed', 'cancelled')
      AND (s.swept_at IS NULL AND coalesce(s.completed_at, s.created_at) < files_before
           OR s.loose <> '{}' AND coalesce(s.completed_at, s.created_at) < loose_before)
    LIMIT at_most
$$;

-- Exports of every tenant whose time has passed: ids and nothing of the rows.
CREATE FUNCTION wharf.expired_exports(at_most integer) RETURNS TABLE (tenant_id uuid, id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT e.tenant_id, e.id FROM wharf.exports e
    WHERE e.status = 'completed' AND e.object_key IS NOT NULL AND e.expires_at < now() ORDER BY e.expires_at LIMIT at_most;
END;
-- +goose StatementEnd
CREATE INDEX exports_expiry ON wharf.exports (expires_at) WHERE status = 'completed';

-- +goose Down
DROP INDEX wharf.exports_expiry;
DROP FUNCTION wharf.expired_exports, wharf.restores_to_sweep;
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION wharf.unsettled_jobs(grace interval, only_id uuid, at_most integer)
    RETURNS TABLE (kind text, tenant_id uuid, id uuid, job_id bigint, state text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT r.kind, r.tenant_id, r.id, r.job_id, j.state::text
    FROM (
        SELECT 'import' AS kind, i.tenant_id, i.id, i.job_id, coalesce(i.completed_at, i.started_at, i.created_at) AS since
        FROM wharf.imports i WHERE i.status IN ('pending', 'processing') OR i.revert_status IN ('pending', 'processing')
        UNION ALL
        SELECT 'export', e.tenant_id, e.id, e.job_id, coalesce(e.started_at, e.created_at)
        FROM wharf.exports e WHERE e.status IN ('pending', 'processing')
    ) r
    LEFT JOIN river.river_job j ON j.id = r.job_id
    WHERE r.id BETWEEN coalesce(only_id, '00000000-0000-0000-0000-000000000000')
                   AND coalesce(only_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
      AND CASE WHEN j.id IS NULL THEN r.since < now() - grace ELSE j.finalized_at < now() - grace END
    LIMIT at_most
$$;
-- +goose StatementEnd
DELETE FROM wharf.webhooks WHERE owner_kind = 'restore';
DELETE FROM wharf.tenant_limits WHERE name = 'restore_starts';
ALTER TABLE wharf.webhooks DROP CONSTRAINT webhooks_owner_kind_check,
    ADD CONSTRAINT webhooks_owner_kind_check CHECK (owner_kind IN ('importer', 'export_schedule'));
ALTER TABLE wharf.tenant_limits DROP CONSTRAINT tenant_limits_name_check,
    ADD CONSTRAINT tenant_limits_name_check CHECK (name IN ('export_starts', 'import_starts', 'upload_starts', 'requests'));
ALTER TABLE wharf.uploads DROP COLUMN restore_id;
DROP TABLE wharf.restores;
