-- +goose Up

-- The passphrase of an export that is to be encrypted by one, sealed by the key ring: only while a job may still need it.
ALTER TABLE wharf.exports ADD sealed_passphrase bytea,
    ADD CONSTRAINT exports_passphrase_forgotten
        CHECK (sealed_passphrase IS NULL OR status IN ('pending', 'processing'));

-- However an export ends, its passphrase goes with it.
-- +goose StatementBegin
CREATE FUNCTION wharf.forget_passphrase() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.sealed_passphrase := NULL;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER forget_passphrase BEFORE UPDATE ON wharf.exports
    FOR EACH ROW WHEN (NEW.sealed_passphrase IS NOT NULL AND NEW.status NOT IN ('pending', 'processing'))
    EXECUTE FUNCTION wharf.forget_passphrase();

-- +goose Down
DROP TRIGGER forget_passphrase ON wharf.exports;
DROP FUNCTION wharf.forget_passphrase;
ALTER TABLE wharf.exports DROP sealed_passphrase;
