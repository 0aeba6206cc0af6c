-- +goose Up

-- Signing secrets, one for each importer or export schedule that calls out. Sealed by the key ring where one is
-- configured, else as they are ("whsec_…"): signing needs the secret itself, so a hash would not do.
CREATE TABLE wharf.webhooks (
    tenant_id     uuid NOT NULL,
    owner_kind    text NOT NULL CHECK (owner_kind IN ('importer', 'export_schedule')),
    owner_id      uuid NOT NULL,
    secret        bytea NOT NULL,
    former_secret bytea,       -- signs too, until …
    former_until  timestamptz, -- … so that a receiver can change over
    created_at    timestamptz NOT NULL DEFAULT now(),
    rotated_at    timestamptz,
    PRIMARY KEY (tenant_id, owner_kind, owner_id)
);
ALTER TABLE wharf.webhooks ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON wharf.webhooks USING (tenant_id = (SELECT wharf.tenant()));

CREATE TABLE wharf.deliveries (
    id               uuid PRIMARY KEY, -- what the receiver sees as webhook-id
    tenant_id        uuid NOT NULL,
    owner_kind       text NOT NULL,
    owner_id         uuid NOT NULL,
    event            text NOT NULL,
    url              text NOT NULL,
    payload          json NOT NULL CHECK (octet_length(payload::text) <= 1048576), -- json keeps every byte; jsonb would not
    state            text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed', 'cancelled')),
    attempts         integer NOT NULL DEFAULT 0, -- since it was last asked for
    last_status      integer, -- HTTP's; null: there was no answer
    last_error       text,
    response_excerpt text,
    job_id           bigint NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    last_attempt_at  timestamptz,
    next_attempt_at  timestamptz,
    delivered_at     timestamptz
);
CREATE INDEX deliveries_tenant ON wharf.deliveries (tenant_id, id DESC);
CREATE INDEX deliveries_owner ON wharf.deliveries (tenant_id, owner_id, id DESC);
CREATE INDEX deliveries_pending ON wharf.deliveries (id) WHERE state = 'pending';
CREATE INDEX deliveries_ended ON wharf.deliveries (created_at) WHERE state <> 'pending';
ALTER TABLE wharf.deliveries ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON wharf.deliveries USING (tenant_id = (SELECT wharf.tenant()));

-- Deliveries that no job will end any more: as wharf.unsettled_jobs of 00002 for the other kinds, and read beside it. A
-- function of its own, so that neither has to be repeated when the other changes.
-- +goose StatementBegin
CREATE FUNCTION wharf.unsettled_deliveries(grace interval, only_id uuid, at_most integer)
    RETURNS TABLE (kind text, tenant_id uuid, id uuid, job_id bigint, state text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'webhook', d.tenant_id, d.id, d.job_id, j.state::text
    FROM wharf.deliveries d
    LEFT JOIN river.river_job j ON j.id = d.job_id
    WHERE d.state = 'pending'
      AND d.id BETWEEN coalesce(only_id, '00000000-0000-0000-0000-000000000000')
                   AND coalesce(only_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
      AND CASE WHEN j.id IS NULL THEN coalesce(d.last_attempt_at, d.created_at) < now() - grace
               ELSE j.finalized_at < now() - grace END
    LIMIT at_most
$$;

-- Retention looks across tenants, hence SECURITY DEFINER; it says how many it removed and nothing of them.
CREATE FUNCTION wharf.forget_deliveries(age interval, at_most integer) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH old AS (
        SELECT d.id FROM wharf.deliveries d
        WHERE d.state <> 'pending' AND d.created_at < now() - age
        LIMIT at_most FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM wharf.deliveries d USING old WHERE d.id = old.id RETURNING d.id
    )
    SELECT count(*) FROM gone
$$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION wharf.forget_deliveries, wharf.unsettled_deliveries;
DROP TABLE wharf.deliveries, wharf.webhooks;
