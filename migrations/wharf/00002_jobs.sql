-- +goose Up

-- Which jobs of a tenant wait for their turn, and how many have it: promotion reads nothing else (internal/jobs/fair.go).
CREATE INDEX wharf_job_waiting ON river.river_job (queue, (args ->> 'tenant_id'), priority, scheduled_at, id) WHERE state = 'pending';
CREATE INDEX wharf_job_held ON river.river_job (queue, (args ->> 'tenant_id')) WHERE state IN ('available', 'running');
-- Of those that wait, the ones that are tried again later: they are counted apart (internal/jobs/queue.go).
CREATE INDEX wharf_job_retrying ON river.river_job (queue, scheduled_at) WHERE state = 'pending' AND attempt > 0;
-- A tenant's own list of jobs, newest first.
CREATE INDEX wharf_job_tenant ON river.river_job ((args ->> 'tenant_id'), id DESC);

-- Status rows that no job will end any more: theirs reached a final state, or is gone, longer than grace ago. only_id
-- asks about one row; it is written as a range so that one plan, by the index of unfinished rows, serves both.
--
-- It looks across tenants, hence SECURITY DEFINER; it gives ids and nothing of the rows. The body is text, not BEGIN
-- ATOMIC, so that River's own migrations may still alter the columns it reads.
-- +goose StatementBegin
CREATE FUNCTION wharf.unsettled_jobs(grace interval, only_id uuid, at_most integer)
    RETURNS TABLE (kind text, tenant_id uuid, id uuid, job_id bigint, state text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT r.kind, r.tenant_id, r.id, r.job_id, j.state::text
    FROM (
        SELECT 'import' AS kind, i.tenant_id, i.id, i.job_id, coalesce(i.started_at, i.created_at) AS since
        FROM wharf.imports i WHERE i.status IN ('pending', 'processing')
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

-- +goose Down
DROP FUNCTION wharf.unsettled_jobs;
DROP INDEX river.wharf_job_waiting, river.wharf_job_held, river.wharf_job_retrying, river.wharf_job_tenant;
