-- +goose Up

-- Files that wait for an import: put to a signed URL by their owner, or stored while a preview was asked for.
CREATE TABLE wharf.uploads (
    id           uuid PRIMARY KEY,
    tenant_id    uuid NOT NULL,
    file_name    text NOT NULL,
    object_key   text NOT NULL UNIQUE,
    bytes        bigint NOT NULL CHECK (bytes >= 0), -- as promised; the signed URL takes no other length
    sha256       text NOT NULL DEFAULT '', -- hex, as promised or found; '': not known
    stored       boolean NOT NULL,         -- the service itself stored it: it is there
    import_id    uuid,                     -- which took it; the object is the import's from then on
    importer_id  uuid,                     -- an embed token's; null: of all the tenant's importers
    requested_by text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL
);
CREATE INDEX uploads_tenant ON wharf.uploads (tenant_id, id);
CREATE INDEX uploads_expiry ON wharf.uploads (expires_at);
ALTER TABLE wharf.uploads ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON wharf.uploads USING (tenant_id = (SELECT wharf.tenant()));

-- Uploads whose time passed longer than grace ago, of every tenant: ids and nothing of the rows.
-- +goose StatementBegin
CREATE FUNCTION wharf.uploads_to_sweep(grace interval, at_most integer) RETURNS TABLE (tenant_id uuid, id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT u.tenant_id, u.id FROM wharf.uploads u WHERE u.expires_at < now() - grace ORDER BY u.expires_at LIMIT at_most;
END;
-- +goose StatementEnd

-- What a request with an Idempotency-Key was, and the answer it got.
CREATE TABLE wharf.idempotency (
    tenant_id    uuid NOT NULL,
    actor        text NOT NULL,
    key          text NOT NULL,
    fingerprint  bytea NOT NULL, -- SHA-256 of the request
    attempt      uuid NOT NULL,  -- which request holds the key, or held it
    leased_until timestamptz NOT NULL, -- while status is null: the holder is taken for dead after that
    status       integer,        -- of the answer; null: in flight
    location     text NOT NULL DEFAULT '',
    content_type text NOT NULL DEFAULT '',
    body         bytea,          -- null: it held a secret, and was not kept
    expires_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, actor, key)
);
CREATE INDEX idempotency_expiry ON wharf.idempotency (expires_at);
ALTER TABLE wharf.idempotency ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON wharf.idempotency USING (tenant_id = (SELECT wharf.tenant()));

-- +goose StatementBegin
CREATE FUNCTION wharf.sweep_idempotency(at_most integer) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH gone AS (
        DELETE FROM wharf.idempotency i
        WHERE (i.tenant_id, i.actor, i.key) IN (
            SELECT o.tenant_id, o.actor, o.key FROM wharf.idempotency o WHERE o.expires_at < now() LIMIT at_most)
        RETURNING 1)
    SELECT count(*) FROM gone;
END;
-- +goose StatementEnd

-- A key that is bound to an importer is an embed token: short-lived, and good for imports through that importer only.
ALTER TABLE wharf.api_keys ADD importer_id uuid REFERENCES wharf.importers ON DELETE CASCADE,
    ADD CHECK (importer_id IS NULL OR (tenant_id IS NOT NULL AND expires_at IS NOT NULL));
CREATE INDEX api_keys_importer ON wharf.api_keys (importer_id, expires_at) WHERE importer_id IS NOT NULL;

-- +goose StatementBegin
DROP FUNCTION wharf.find_api_key;
CREATE FUNCTION wharf.find_api_key(key_prefix text)
    RETURNS TABLE (id uuid, tenant_id uuid, name text, hash bytea, role text, scopes text[], importer_id uuid, idle boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT k.id, k.tenant_id, k.name, k.hash, k.role, k.scopes, k.importer_id,
           k.last_used_at IS NULL OR k.last_used_at < now() - interval '1 minute' -- last_used_at is due
    FROM wharf.api_keys k
    WHERE k.prefix = key_prefix AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now());
END;

-- Embed tokens that expired longer than grace ago.
CREATE FUNCTION wharf.sweep_embed_tokens(grace interval) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH gone AS (
        DELETE FROM wharf.api_keys k WHERE k.importer_id IS NOT NULL AND k.expires_at < now() - grace RETURNING 1)
    SELECT count(*) FROM gone;
END;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DROP FUNCTION wharf.sweep_embed_tokens, wharf.find_api_key;
DELETE FROM wharf.api_keys WHERE importer_id IS NOT NULL;
ALTER TABLE wharf.api_keys DROP importer_id;
CREATE FUNCTION wharf.find_api_key(key_prefix text)
    RETURNS TABLE (id uuid, tenant_id uuid, name text, hash bytea, role text, scopes text[], idle boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT k.id, k.tenant_id, k.name, k.hash, k.role, k.scopes,
           k.last_used_at IS NULL OR k.last_used_at < now() - interval '1 minute'
    FROM wharf.api_keys k
    WHERE k.prefix = key_prefix AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now());
END;
-- +goose StatementEnd
DROP FUNCTION wharf.sweep_idempotency, wharf.uploads_to_sweep;
DROP TABLE wharf.idempotency, wharf.uploads;
