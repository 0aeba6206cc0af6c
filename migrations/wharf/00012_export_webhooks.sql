-- Whom an export tells that nobody's schedule started. A schedule's own webhook stands with the schedule.

-- +goose Up
ALTER TABLE wharf.exports ADD webhook_url text;
ALTER TABLE wharf.webhooks DROP CONSTRAINT webhooks_owner_kind_check,
    ADD CONSTRAINT webhooks_owner_kind_check CHECK (owner_kind IN ('importer', 'export_schedule', 'restore', 'export'));

-- +goose Down
DELETE FROM wharf.webhooks WHERE owner_kind = 'export';
ALTER TABLE wharf.webhooks DROP CONSTRAINT webhooks_owner_kind_check,
    ADD CONSTRAINT webhooks_owner_kind_check CHECK (owner_kind IN ('importer', 'export_schedule', 'restore'));
ALTER TABLE wharf.exports DROP webhook_url;
