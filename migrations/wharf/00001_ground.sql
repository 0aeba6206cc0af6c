-- +goose Up

-- Tenant-bound tables carry row security by the setting wharf.tenant_id, which tenancy.Tx sets. The owner is not bound,
-- so that the narrow SECURITY DEFINER functions below can look across tenants; the service's role always is.

CREATE SCHEMA IF NOT EXISTS wharf_staging;
COMMENT ON SCHEMA wharf_staging IS 'Tables of running imports and restores. The service''s role creates here and nowhere else.';

-- +goose StatementBegin
CREATE FUNCTION wharf.tenant() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('wharf.tenant_id', true), '')::uuid;
-- +goose StatementEnd

-- What is wrong with a value's text form, NULL if nothing is. It asks the type itself, for types whose form only Postgres knows.
-- +goose StatementBegin
CREATE FUNCTION wharf.cast_error(value text, type text) RETURNS text
    LANGUAGE plpgsql STABLE AS $$
BEGIN
    EXECUTE format('SELECT %L::%s', value, type);
    RETURN NULL;
EXCEPTION WHEN data_exception OR integrity_constraint_violation OR syntax_error_or_access_rule_violation THEN
    RETURN SQLERRM;
END $$;
-- +goose StatementEnd

CREATE TABLE wharf.tenants (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    slug       text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    name       text NOT NULL CHECK (name <> ''),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE wharf.tenants ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON wharf.tenants USING (id = (SELECT wharf.tenant()));

CREATE TABLE wharf.users (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    subject    text UNIQUE, -- of the identity provider
    email      text NOT NULL,
    name       text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);
CREATE UNIQUE INDEX users_email ON wharf.users (lower(email)) WHERE deleted_at IS NULL;

CREATE TABLE wharf.memberships (
    tenant_id  uuid NOT NULL,
    user_id    uuid NOT NULL REFERENCES wharf.users ON DELETE CASCADE,
    role       text NOT NULL CHECK (role IN ('owner', 'admin', 'manager', 'member', 'readonly')),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, user_id)
);
ALTER TABLE wharf.memberships ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON wharf.memberships USING (tenant_id = (SELECT wharf.tenant()));

CREATE TABLE wharf.api_keys (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id    uuid, -- null: an operator's key
    name         text NOT NULL CHECK (name <> ''),
    prefix       text NOT NULL UNIQUE,
    hash         bytea NOT NULL, -- SHA-256 of the whole key, which holds 256 random bits
    role         text CHECK (role IN ('owner', 'admin', 'manager', 'member', 'readonly')),
    scopes       text[] NOT NULL DEFAULT '{}', -- empty: all that the role may
    expires_at   timestamptz,
    last_used_at timestamptz,
    revoked_at   timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    CHECK ((tenant_id IS NULL) = (role IS NULL)),
    CHECK (tenant_id IS NOT NULL OR scopes = '{ops}')
);
CREATE INDEX api_keys_tenant ON wharf.api_keys (tenant_id, created_at);
ALTER TABLE wharf.api_keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON wharf.api_keys USING (tenant_id = (SELECT wharf.tenant()));

-- +goose StatementBegin
CREATE FUNCTION wharf.find_api_key(key_prefix text)
    RETURNS TABLE (id uuid, tenant_id uuid, name text, hash bytea, role text, scopes text[], idle boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT k.id, k.tenant_id, k.name, k.hash, k.role, k.scopes,
           k.last_used_at IS NULL OR k.last_used_at < now() - interval '1 minute' -- last_used_at is due
    FROM wharf.api_keys k
    WHERE k.prefix = key_prefix AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now());
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION wharf.touch_api_key(key_id uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE wharf.api_keys SET last_used_at = now() WHERE id = key_id;
END;
-- +goose StatementEnd

CREATE TABLE wharf.audit_log (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT now(),
    tenant_id  uuid,
    actor      text NOT NULL,
    action     text NOT NULL,
    scope      jsonb NOT NULL DEFAULT '{}',
    outcome    text NOT NULL,
    request_id text NOT NULL DEFAULT ''
);
CREATE INDEX audit_log_tenant ON wharf.audit_log (tenant_id, id);
ALTER TABLE wharf.audit_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON wharf.audit_log FOR SELECT USING (
    tenant_id = (SELECT wharf.tenant()) OR (SELECT current_setting('wharf.operator', true)) = 'on');

-- The only way in: nobody but the owner may change or remove what was written.
-- +goose StatementBegin
CREATE FUNCTION wharf.write_audit(tenant uuid, actor text, action text, scope jsonb, outcome text, request_id text) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO wharf.audit_log (tenant_id, actor, action, scope, outcome, request_id)
    VALUES (tenant, actor, action, scope, outcome, request_id) RETURNING id;
END;
-- +goose StatementEnd

CREATE TABLE wharf.importers (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL,
    key         uuid NOT NULL UNIQUE,
    name        text NOT NULL,
    description text NOT NULL DEFAULT '',
    definition  jsonb NOT NULL, -- fields, destination, webhook and options, as the API takes them
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX importers_tenant ON wharf.importers (tenant_id, id);
ALTER TABLE wharf.importers ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON wharf.importers USING (tenant_id = (SELECT wharf.tenant()));

CREATE TABLE wharf.imports (
    id             uuid PRIMARY KEY,
    tenant_id      uuid NOT NULL,
    importer_id    uuid REFERENCES wharf.importers ON DELETE SET NULL,
    definition     jsonb NOT NULL, -- the importer as it was when the import began
    mapping        jsonb,          -- as asked for; null: map by itself
    mapped         jsonb,          -- as it was used
    mode           text NOT NULL DEFAULT 'commit' CHECK (mode IN ('commit', 'dry_run', 'review')),
    read_options   jsonb NOT NULL DEFAULT '{}', -- encoding, delimiter, header_row, sheet
    status         text NOT NULL DEFAULT 'pending'
                   CHECK (status IN ('pending', 'processing', 'review', 'completed', 'failed', 'cancelled')),
    error          text,
    file_name      text NOT NULL,
    file_key       text NOT NULL,
    file_bytes     bigint NOT NULL,
    file_sha256    text NOT NULL,
    file_info      jsonb,
    phase          text NOT NULL DEFAULT '',
    bytes_read     bigint NOT NULL DEFAULT 0,
    rows_read      bigint NOT NULL DEFAULT 0,
    num_rows       bigint NOT NULL DEFAULT 0,
    num_errors     bigint NOT NULL DEFAULT 0,
    num_created    bigint NOT NULL DEFAULT 0,
    num_updated    bigint NOT NULL DEFAULT 0,
    num_unchanged  bigint NOT NULL DEFAULT 0,
    num_skipped    bigint NOT NULL DEFAULT 0,
    errors         jsonb NOT NULL DEFAULT '[]', -- the first 100
    result_key     text,
    errors_key     text,
    staging_table  text,   -- in wharf_staging, once every row is there
    staged_rows    bigint, -- what it holds; compared before a merge, since a crash empties unlogged tables
    requested_by   text NOT NULL,
    job_id         bigint,
    created_at     timestamptz NOT NULL DEFAULT now(),
    started_at     timestamptz,
    completed_at   timestamptz
);
CREATE INDEX imports_tenant ON wharf.imports (tenant_id, id DESC);
CREATE INDEX imports_importer ON wharf.imports (importer_id);
CREATE INDEX imports_running ON wharf.imports (id) WHERE status IN ('pending', 'processing');
ALTER TABLE wharf.imports ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON wharf.imports USING (tenant_id = (SELECT wharf.tenant()));

CREATE TABLE wharf.exports (
    id           uuid PRIMARY KEY,
    tenant_id    uuid NOT NULL,
    request      jsonb NOT NULL, -- scope, tables, exclude, subject, format, include, …: as the API took it
    status       text NOT NULL DEFAULT 'pending'
                 CHECK (status IN ('pending', 'processing', 'completed', 'failed', 'cancelled', 'expired')),
    error        text,
    object_key   text,
    file_name    text,
    bytes        bigint NOT NULL DEFAULT 0,
    sha256       text,
    phase        text NOT NULL DEFAULT '',
    rows_done    bigint NOT NULL DEFAULT 0,
    rows_total   bigint NOT NULL DEFAULT 0, -- the planner's estimate while it runs
    num_rows     bigint NOT NULL DEFAULT 0,
    tables       jsonb NOT NULL DEFAULT '{}', -- name → rows
    warnings     jsonb NOT NULL DEFAULT '[]',
    requested_by text NOT NULL,
    job_id       bigint,
    expires_at   timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    started_at   timestamptz,
    completed_at timestamptz
);
CREATE INDEX exports_tenant ON wharf.exports (tenant_id, id DESC);
CREATE INDEX exports_running ON wharf.exports (id) WHERE status IN ('pending', 'processing');
ALTER TABLE wharf.exports ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON wharf.exports USING (tenant_id = (SELECT wharf.tenant()));

CREATE TABLE wharf.workers (
    id           text PRIMARY KEY,
    host         text NOT NULL,
    pid          integer NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT now(),
    heartbeat_at timestamptz NOT NULL DEFAULT now()
);

-- +goose Down
DROP TABLE wharf.workers, wharf.exports, wharf.imports, wharf.importers, wharf.audit_log, wharf.api_keys,
    wharf.memberships, wharf.users, wharf.tenants CASCADE;
DROP FUNCTION wharf.cast_error, wharf.find_api_key, wharf.touch_api_key, wharf.write_audit, wharf.tenant;
DROP SCHEMA wharf_staging CASCADE;
