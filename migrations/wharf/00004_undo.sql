-- +goose Up

-- What a merge did, one row a merge, so that it can be taken back. What the changed rows held before stands beside it in
-- the table wharf_staging.u_<import_id>, in the columns' own types: it is filled by one statement and dropped by another
-- (internal/load/undo.go).
CREATE TABLE wharf.undo (
    import_id   uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL,
    table_name  text NOT NULL,    -- as the API calls it
    key_columns text[] NOT NULL,  -- k0, k1, … of the table beside; empty: nothing tells the rows of table_name apart
    columns     text[] NOT NULL,  -- v0, v1, …: those that were written
    first_id    uuid,             -- the created rows are those with ids from here …
    last_id     uuid,             -- … to here; null: the table beside names them
    has_rows    boolean NOT NULL, -- there is a table beside
    created     bigint NOT NULL,
    updated     bigint NOT NULL,
    xids        xid[] NOT NULL,   -- that wrote rows, this one among them: a row with another xmin has changed since
    created_at  timestamptz NOT NULL DEFAULT now(),
    reverted_at timestamptz,
    CHECK ((first_id IS NULL) = (last_id IS NULL))
);
CREATE INDEX undo_tenant ON wharf.undo (tenant_id);
CREATE INDEX undo_created_at ON wharf.undo (created_at);
ALTER TABLE wharf.undo ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON wharf.undo USING (tenant_id = (SELECT wharf.tenant()));

-- What was kept long enough. It looks across tenants, hence SECURITY DEFINER; it gives ids and nothing of the rows.
-- +goose StatementBegin
CREATE FUNCTION wharf.expired_undo(before timestamptz, at_most integer) RETURNS TABLE (tenant_id uuid, import_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT u.tenant_id, u.import_id FROM wharf.undo u WHERE u.created_at < before ORDER BY u.created_at LIMIT at_most;
END;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION wharf.expired_undo;
DROP TABLE wharf.undo;
