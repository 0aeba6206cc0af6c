-- +goose Up

ALTER TABLE wharf.imports
    ADD duplicate_of     uuid,        -- an earlier import of the same file through the same importer or into the same table
    ADD header           jsonb,       -- the file's columns as they were read
    ADD unmatched        jsonb,       -- of them, those kept without a field, by the name they are kept under
    ADD confirmed_at     timestamptz, -- a reviewed import was told to go on
    ADD file_deleted_at  timestamptz, -- retention has passed
    ADD revertible_until timestamptz,
    ADD reverted_at      timestamptz,
    ADD revert_status    text CHECK (revert_status IN ('pending', 'processing', 'completed', 'failed')),
    ADD revert           jsonb;       -- what came of it: counts, rows left, what stood in the way, error

CREATE INDEX imports_same_file ON wharf.imports (tenant_id, file_sha256, id);
DROP INDEX wharf.imports_running;
CREATE INDEX imports_running ON wharf.imports (id)
    WHERE status IN ('pending', 'processing') OR revert_status IN ('pending', 'processing');
-- What retention has yet to look at.
CREATE INDEX imports_kept ON wharf.imports (coalesce(completed_at, created_at))
    WHERE file_deleted_at IS NULL OR result_key IS NOT NULL OR errors_key IS NOT NULL;
CREATE INDEX imports_revertible ON wharf.imports (revertible_until) WHERE revertible_until IS NOT NULL;

-- How far a run has come. Beside the import, because a merge holds the import's row to its end; unlogged, because a crash
-- ends the run as well.
CREATE UNLOGGED TABLE wharf.import_progress (
    import_id  uuid PRIMARY KEY,
    tenant_id  uuid NOT NULL,
    phase      text NOT NULL,
    rows_read  bigint NOT NULL DEFAULT 0,
    bytes_read bigint NOT NULL DEFAULT 0,
    step       integer NOT NULL DEFAULT 0,
    steps      integer NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
ALTER TABLE wharf.import_progress ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON wharf.import_progress USING (tenant_id = (SELECT wharf.tenant()));
ALTER TABLE wharf.imports DROP COLUMN phase, DROP COLUMN bytes_read, DROP COLUMN rows_read;

-- Mappings that people confirmed, by what they were for and the set of the file's headers.
CREATE TABLE wharf.mappings (
    tenant_id   uuid NOT NULL,
    target      text NOT NULL, -- "importer:<id>" or "table:<name>"
    headers     bytea NOT NULL, -- SHA-256 of the sorted headers
    mapping     jsonb NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, target, headers)
);
ALTER TABLE wharf.mappings ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON wharf.mappings USING (tenant_id = (SELECT wharf.tenant()));

-- Status rows that no job will end any more; see 00002. A revert is the import's job too.
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

-- Imports whose time has come, of every tenant: ids and nothing of the rows.
CREATE FUNCTION wharf.imports_to_sweep(files_before timestamptz, reports_before timestamptz, reviews_before timestamptz, at_most integer)
    RETURNS TABLE (tenant_id uuid, id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT i.tenant_id, i.id FROM wharf.imports i
    WHERE (i.file_deleted_at IS NULL OR i.result_key IS NOT NULL OR i.errors_key IS NOT NULL)
      AND coalesce(i.completed_at, i.created_at) < greatest(files_before, reports_before, reviews_before)
      AND CASE WHEN i.status = 'review' THEN i.created_at < reviews_before
               WHEN i.status IN ('completed', 'failed', 'cancelled')
               THEN i.file_deleted_at IS NULL AND coalesce(i.completed_at, i.created_at) < files_before
                 OR (i.result_key IS NOT NULL OR i.errors_key IS NOT NULL) AND coalesce(i.completed_at, i.created_at) < reports_before
          END
    UNION
    SELECT i.tenant_id, i.id FROM wharf.imports i
    WHERE i.revertible_until < now() AND coalesce(i.revert_status NOT IN ('pending', 'processing'), true)
    LIMIT at_most
$$;

-- Of these imports, those that are still to end: their staging is in use.
CREATE FUNCTION wharf.imports_unfinished(ids uuid[]) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT i.id FROM wharf.imports i
    WHERE i.id = ANY (ids) AND (i.status IN ('pending', 'processing', 'review') OR i.staging_table IS NOT NULL)
$$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION wharf.imports_unfinished, wharf.imports_to_sweep;
DROP TABLE wharf.mappings, wharf.import_progress;
DROP INDEX wharf.imports_same_file, wharf.imports_kept, wharf.imports_revertible;
ALTER TABLE wharf.imports ADD phase text NOT NULL DEFAULT '', ADD bytes_read bigint NOT NULL DEFAULT 0,
    ADD rows_read bigint NOT NULL DEFAULT 0,
    DROP duplicate_of, DROP header, DROP unmatched, DROP confirmed_at, DROP file_deleted_at, DROP revertible_until,
    DROP reverted_at, DROP revert_status, DROP revert;
