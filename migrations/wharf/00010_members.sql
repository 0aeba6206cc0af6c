-- Who belongs to the tenant: documents name users by their e-mail.

-- +goose Up
-- wharf.users has no tenant, so it is not open to the service: it sees the members of the tenant that its transaction
-- carries, and no others.
-- +goose StatementBegin
CREATE FUNCTION wharf.members() RETURNS TABLE (user_id uuid, email text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT u.id, u.email FROM wharf.memberships m JOIN wharf.users u ON u.id = m.user_id
    WHERE m.tenant_id = wharf.tenant() AND u.deleted_at IS NULL;
END;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION wharf.members;
