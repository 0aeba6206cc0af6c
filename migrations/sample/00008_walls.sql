-- Row security for every tenant table, and what the service's role may do.
--
-- A table is walled because it has the tenant column, not because somebody thought of it: the loop asks the catalog.
-- The tenant is read in a sub-select, which Postgres evaluates once a statement instead of once a row. FORCE binds the
-- owner too. Without a tenant in the setting the comparison is with NULL, and no row is seen or written.

-- +goose Up
-- +goose StatementBegin
DO $$
DECLARE
    walled record;
    wall   constant text := $wall$tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)$wall$;
BEGIN
    FOR walled IN
        SELECT c.relname AS name
        FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
    LOOP
        EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', walled.name);
        EXECUTE format('ALTER TABLE public.%I FORCE ROW LEVEL SECURITY', walled.name);
        EXECUTE format('CREATE POLICY tenant_wall ON public.%I USING (%s) WITH CHECK (%s)', walled.name, wall, wall);
    END LOOP;
END
$$;
-- +goose StatementEnd

-- Tables without the column are walled through the parent they cannot be without.
ALTER TABLE public.stages ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.stages FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON public.stages
    USING (EXISTS (
        SELECT FROM public.pipelines p
        WHERE p.id = stages.pipeline_id AND p.tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)))
    WITH CHECK (EXISTS (
        SELECT FROM public.pipelines p
        WHERE p.id = stages.pipeline_id AND p.tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)));

ALTER TABLE public.deal_line_items ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.deal_line_items FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON public.deal_line_items
    USING (EXISTS (
        SELECT FROM public.deals d
        WHERE d.id = deal_line_items.deal_id AND d.tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)))
    WITH CHECK (EXISTS (
        SELECT FROM public.deals d
        WHERE d.id = deal_line_items.deal_id AND d.tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)));

GRANT USAGE ON SCHEMA public TO wharf_service;
-- +goose StatementBegin
DO $$
DECLARE
    walled record;
BEGIN
    FOR walled IN
        SELECT relname AS name FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relrowsecurity
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON public.%I TO wharf_service', walled.name);
    END LOOP;
END
$$;
-- +goose StatementEnd
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO wharf_service;
-- Of the installation's own tables the service may read the switches, and not the accounts.
GRANT SELECT ON public.feature_flags TO wharf_service;

-- A table that the product's owner adds later is the service's to use without another word.
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO wharf_service;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO wharf_service;

-- +goose Down
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE USAGE ON SEQUENCES FROM wharf_service;
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT, INSERT, UPDATE, DELETE ON TABLES FROM wharf_service;
REVOKE USAGE ON ALL SEQUENCES IN SCHEMA public FROM wharf_service;
REVOKE SELECT ON public.feature_flags FROM wharf_service;
-- +goose StatementBegin
DO $$
DECLARE
    walled record;
BEGIN
    FOR walled IN
        SELECT c.relname AS name
        FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
        WHERE p.polname = 'tenant_wall' AND c.relnamespace = 'public'::regnamespace
    LOOP
        EXECUTE format('REVOKE ALL ON public.%I FROM wharf_service', walled.name);
        EXECUTE format('DROP POLICY tenant_wall ON public.%I', walled.name);
        EXECUTE format('ALTER TABLE public.%I NO FORCE ROW LEVEL SECURITY', walled.name);
        EXECUTE format('ALTER TABLE public.%I DISABLE ROW LEVEL SECURITY', walled.name);
    END LOOP;
END
$$;
-- +goose StatementEnd
