-- What a restore did is kept table by table, and taken back together.

-- +goose Up
ALTER TABLE wharf.undo ADD part_of uuid; -- the restore; null: the merge of an import stands alone
CREATE INDEX undo_part_of ON wharf.undo (part_of) WHERE part_of IS NOT NULL;

CREATE OR REPLACE FUNCTION wharf.expired_undo(before timestamptz, at_most integer) RETURNS TABLE (tenant_id uuid, import_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT u.tenant_id, coalesce(u.part_of, u.import_id) FROM wharf.undo u WHERE u.created_at < before
    GROUP BY 1, 2 ORDER BY min(u.created_at) LIMIT at_most
$$;

ALTER TABLE wharf.restores
    ADD stored           text,        -- prefix of the files that its rows name; null: it has not ended well, or they are loose
    ADD revertible_until timestamptz,
    ADD reverted_at      timestamptz,
    ADD reverted_by      text,        -- who asked for it
    ADD revert_status    text CHECK (revert_status IN ('pending', 'processing', 'completed', 'failed')),
    ADD revert           jsonb;       -- what came of it: counts by table, rows left, what stood in the way, error
CREATE INDEX restores_revertible ON wharf.restores (revertible_until) WHERE revertible_until IS NOT NULL;
DROP INDEX wharf.restores_running;
CREATE INDEX restores_running ON wharf.restores (id)
    WHERE status IN ('pending', 'processing') OR revert_status IN ('pending', 'processing');

-- Status rows that no job will end any more; see 00002. A revert is the restore's job too.
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
        SELECT 'restore', s.tenant_id, s.id, s.job_id, coalesce(s.completed_at, s.started_at, s.created_at)
        FROM wharf.restores s WHERE s.status IN ('pending', 'processing') OR s.revert_status IN ('pending', 'processing')
    ) r
    LEFT JOIN river.river_job j ON j.id = r.job_id
    WHERE r.id BETWEEN coalesce(only_id, '00000000-0000-0000-0000-000000000000')
                   AND coalesce(only_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
      AND CASE WHEN j.id IS NULL THEN r.since < now() - grace ELSE j.finalized_at < now() - grace END
    LIMIT at_most
$$;

-- Restores of every tenant that have ended and left something whose time has come: ids and nothing of the rows.
CREATE OR REPLACE FUNCTION wharf.restores_to_sweep(files_before timestamptz, loose_before timestamptz, at_most integer)
    RETURNS TABLE (tenant_id uuid, id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.tenant_id, s.id FROM wharf.restores s
    WHERE (s.swept_at IS NULL OR s.loose <> '{}') AND s.status IN ('completed', 'failed', 'cancelled')
      AND (s.swept_at IS NULL AND coalesce(s.completed_at, s.created_at) < files_before
           OR s.loose <> '{}' AND coalesce(s.completed_at, s.created_at) < loose_before)
    UNION
    SELECT s.tenant_id, s.id FROM wharf.restores s
    WHERE s.revertible_until < now() AND coalesce(s.revert_status NOT IN ('pending', 'processing'), true)
    LIMIT at_most
$$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION wharf.restores_to_sweep(files_before timestamptz, loose_before timestamptz, at_most integer)
    RETURNS TABLE (tenant_id uuid, id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.tenant_id, s.id FROM wharf.restores s
    WHERE (s.swept_at IS NULL OR s.loose <> '{}') AND s.status IN ('completed', 'failed', 'cancelled')
      AND (s.swept_at IS NULL AND coalesce(s.completed_at, s.created_at) < files_before
           OR s.loose <> '{}' AND coalesce(s.completed_at, s.created_at) < loose_before)
    LIMIT at_most
$$;
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
-- +goose StatementEnd
DROP INDEX wharf.restores_running, wharf.restores_revertible;
CREATE INDEX restores_running ON wharf.restores (id) WHERE status IN ('pending', 'processing');
ALTER TABLE wharf.restores DROP stored, DROP revertible_until, DROP reverted_at, DROP reverted_by, DROP revert_status, DROP revert;

CREATE OR REPLACE FUNCTION wharf.expired_undo(before timestamptz, at_most integer) RETURNS TABLE (tenant_id uuid, import_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT u.tenant_id, u.import_id FROM wharf.undo u WHERE u.created_at < before ORDER BY u.created_at LIMIT at_most
$$;
DELETE FROM wharf.undo WHERE part_of IS NOT NULL;
DROP INDEX wharf.undo_part_of;
ALTER TABLE wharf.undo DROP part_of;
