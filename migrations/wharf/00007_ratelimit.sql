-- +goose Up

-- Where each limit stands, by the generic cell rate algorithm: one time stamp a bucket. Unlogged, since a crash that forgets who
-- had asked how often does no harm. No role but the owner's reads or writes it: it is reached by the functions below.
CREATE UNLOGGED TABLE wharf.rate_limits (
    name text NOT NULL,
    key  text NOT NULL,
    tat  timestamptz NOT NULL, -- when the bucket is full again; in the past: it is
    PRIMARY KEY (name, key)
) WITH (fillfactor = 50);

-- What an operator allows one tenant instead of the installation's defaults.
CREATE TABLE wharf.tenant_limits (
    tenant_id  uuid NOT NULL,
    name       text NOT NULL CHECK (name IN ('export_starts', 'import_starts', 'upload_starts', 'requests')),
    per_minute integer NOT NULL CHECK (per_minute BETWEEN 1 AND 1000000),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, name)
);
ALTER TABLE wharf.tenant_limits ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON wharf.tenant_limits USING (tenant_id = (SELECT wharf.tenant()));

-- Takes one from a bucket that holds burst and gains rate each per, or says when there will be one. It goes by the clock of the
-- database, so that all replicas agree. What an operator set for the tenant comes before what is asked for.
--
-- SECURITY DEFINER, because a bucket may belong to no tenant (an address), or be asked for before the tenant is known. It
-- gives nothing of any row but how full the bucket is.
-- +goose StatementBegin
CREATE FUNCTION wharf.take_limit(limit_name text, limit_key text, tenant uuid, rate integer, per interval, burst integer)
    RETURNS TABLE (allowed boolean, quota integer, remaining integer, reset interval, retry_after interval)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    at       timestamptz := clock_timestamp();
    step     interval;    -- one comes back each
    due      timestamptz; -- the bucket is full again
    override integer;
BEGIN
    IF tenant IS NOT NULL THEN
        SELECT t.per_minute INTO override FROM wharf.tenant_limits t WHERE t.tenant_id = tenant AND t.name = limit_name;
        IF found THEN
            rate := override;
            burst := override;
            per := interval '1 minute';
        END IF;
    END IF;
    step := per / rate;

    INSERT INTO wharf.rate_limits AS r (name, key, tat) VALUES (limit_name, limit_key, at + step)
    ON CONFLICT (name, key) DO UPDATE SET tat = greatest(r.tat, at) + step
    WHERE r.tat <= at + step * (burst - 1)
    RETURNING r.tat INTO due;

    allowed := found;
    IF NOT allowed THEN
        SELECT r.tat INTO due FROM wharf.rate_limits r WHERE r.name = limit_name AND r.key = limit_key;
        due := coalesce(due, at); -- swept this moment
        retry_after := greatest(due - step * (burst - 1) - at, interval '0');
    ELSE
        retry_after := interval '0';
    END IF;
    quota := burst;
    reset := due - at;
    -- A thousandth covers what rounding to microseconds may have taken.
    remaining := greatest(0, floor(burst - extract(epoch FROM reset) / extract(epoch FROM step) + 0.001));
    RETURN NEXT;
END $$;

-- Takes one request from the bucket of the API key that the credential is. A credential that is no key has no bucket, so that
-- knowing a key's prefix, which is no secret, is not enough to use up its requests.
--
-- In plpgsql, which keeps the plan; a function in SQL would be planned at each request.
CREATE FUNCTION wharf.take_key_limit(key_prefix text, key_hash bytea, rate integer, per interval, burst integer)
    RETURNS TABLE (allowed boolean, quota integer, remaining integer, reset interval, retry_after interval)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    key_id uuid;
    tenant uuid;
BEGIN
    SELECT k.id, k.tenant_id INTO key_id, tenant FROM wharf.api_keys k WHERE k.prefix = key_prefix AND k.hash = key_hash;
    IF found THEN
        RETURN QUERY SELECT * FROM wharf.take_limit('requests', key_id::text, tenant, rate, per, burst);
    END IF;
END $$;

-- A tenant whose limits change begins with full buckets: an empty one would fill at the former rate first.
CREATE FUNCTION wharf.refill_limits(tenant uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM wharf.rate_limits r
    WHERE r.key = tenant::text OR r.key IN (SELECT k.id::text FROM wharf.api_keys k WHERE k.tenant_id = tenant);
END;

-- A bucket that is full is as good as none.
CREATE FUNCTION wharf.sweep_limits() RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH gone AS (DELETE FROM wharf.rate_limits r WHERE r.tat < now() RETURNING 1) SELECT count(*) FROM gone;
END;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION wharf.sweep_limits, wharf.refill_limits, wharf.take_key_limit, wharf.take_limit;
DROP TABLE wharf.tenant_limits, wharf.rate_limits;
