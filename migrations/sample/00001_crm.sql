-- The CRM's half of the sample product: who is known, what is sold, which deals are open.
--
-- Rules of every tenant table here and in the files after it:
--   * tenant_id names the workspace. It has no foreign key: which table holds the tenants is the installation's choice.
--   * A reference carries the tenant, (tenant_id, company_id), since Postgres checks foreign keys past row security.
--     ON DELETE SET NULL names its column, so that the tenant stays.
--   * updated_at is set by whoever writes; there is no trigger, which every bulk load would pay for row by row.
--   * Soft-deleted rows keep their keys: uniqueness holds among live rows only.
--   * Row security comes last, in 00008_walls.sql, for all tables at once.

-- +goose Up
CREATE TABLE public.custom_field_definitions (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id     uuid NOT NULL,
    entity_type   varchar(32) NOT NULL
                  CHECK (entity_type IN ('contact', 'company', 'deal', 'activity', 'note', 'task', 'file', 'product')),
    name          varchar(64) NOT NULL,
    label         varchar(255) NOT NULL,
    field_type    varchar(32) NOT NULL,
    required      boolean NOT NULL DEFAULT false,
    default_value jsonb NOT NULL DEFAULT '{}',
    options       jsonb NOT NULL DEFAULT '[]',
    description   text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    deleted_at    timestamptz
);
CREATE UNIQUE INDEX custom_field_definitions_name_key
    ON public.custom_field_definitions (tenant_id, entity_type, name) WHERE deleted_at IS NULL;
COMMENT ON TABLE public.custom_field_definitions IS
'Fields the workspace added to a kind of record. Their values are kept in the record''s data.
@match entity_type, name';
COMMENT ON COLUMN public.custom_field_definitions.entity_type IS 'The kind of record that has the field.';
COMMENT ON COLUMN public.custom_field_definitions.name IS 'Key under which the value stands in data.';
COMMENT ON COLUMN public.custom_field_definitions.field_type IS 'string, number, bool, date, url, email, select or text.';
COMMENT ON COLUMN public.custom_field_definitions.options IS 'What a select offers.';

CREATE TABLE public.pipelines (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id  uuid NOT NULL,
    name       varchar(255) NOT NULL,
    slug       varchar(64) NOT NULL,
    is_default boolean NOT NULL DEFAULT false,
    data       jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    UNIQUE (tenant_id, id)
);
CREATE UNIQUE INDEX pipelines_slug_key ON public.pipelines (tenant_id, slug) WHERE deleted_at IS NULL;
COMMENT ON TABLE public.pipelines IS
'Ways a deal can go, from first contact to signature.
@match slug';
COMMENT ON COLUMN public.pipelines.slug IS 'Short name used in addresses.';
COMMENT ON COLUMN public.pipelines.is_default IS 'New deals start here.';

CREATE TABLE public.stages (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    pipeline_id uuid NOT NULL REFERENCES public.pipelines (id) ON DELETE CASCADE,
    name        varchar(255) NOT NULL,
    slug        varchar(64) NOT NULL,
    position    integer NOT NULL DEFAULT 0,
    probability numeric(5,2) NOT NULL DEFAULT 0,
    is_won      boolean NOT NULL DEFAULT false,
    is_lost     boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    deleted_at  timestamptz
);
CREATE UNIQUE INDEX stages_slug_key ON public.stages (pipeline_id, slug) WHERE deleted_at IS NULL;
COMMENT ON TABLE public.stages IS
'Steps of a pipeline. They belong to a workspace through it.
@match pipeline_id, slug';
COMMENT ON COLUMN public.stages.pipeline_id IS
'The pipeline it is a step of.
@nested';
COMMENT ON COLUMN public.stages.position IS 'Place in the pipeline, from 0.';
COMMENT ON COLUMN public.stages.probability IS 'How likely a deal at this step is won, in percent.';

CREATE TABLE public.companies (
    id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id      uuid NOT NULL,
    external_id    varchar(255),
    name           varchar(255) NOT NULL,
    domain         varchar(255),
    website        varchar(512),
    industry       varchar(255),
    employee_count integer,
    annual_revenue numeric(18,2),
    description    text,
    tags           jsonb NOT NULL DEFAULT '[]',
    data           jsonb NOT NULL DEFAULT '{}',
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    deleted_at     timestamptz,
    UNIQUE (tenant_id, id)
);
CREATE UNIQUE INDEX companies_external_id_key ON public.companies (tenant_id, external_id) WHERE deleted_at IS NULL;
CREATE INDEX companies_domain_idx ON public.companies (tenant_id, lower(domain));
COMMENT ON TABLE public.companies IS
'Organisations the workspace deals with.
@match external_id
@match lower(domain)';
COMMENT ON COLUMN public.companies.external_id IS 'Its id in the system it came from.';
COMMENT ON COLUMN public.companies.domain IS 'Internet domain, which tells companies of one name apart.';
COMMENT ON COLUMN public.companies.annual_revenue IS 'In the workspace''s own currency.';
COMMENT ON COLUMN public.companies.data IS 'Custom fields by name.';

CREATE TABLE public.contacts (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id   uuid NOT NULL,
    external_id varchar(255),
    first_name  varchar(255),
    last_name   varchar(255),
    title       varchar(255),
    email       varchar(320),
    phone       varchar(64),
    company_id  uuid,
    tags        jsonb NOT NULL DEFAULT '[]',
    data        jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    deleted_at  timestamptz,
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, company_id) REFERENCES public.companies (tenant_id, id) ON DELETE SET NULL (company_id)
);
CREATE UNIQUE INDEX contacts_external_id_key ON public.contacts (tenant_id, external_id) WHERE deleted_at IS NULL;
CREATE INDEX contacts_email_idx ON public.contacts (tenant_id, lower(email));
CREATE INDEX contacts_company_idx ON public.contacts (tenant_id, company_id);
COMMENT ON TABLE public.contacts IS
'People the workspace knows.
@match external_id
@match lower(email)';
COMMENT ON COLUMN public.contacts.external_id IS 'Its id in the system it came from.';
COMMENT ON COLUMN public.contacts.title IS
'What they do at the company.
@label Job Title';
COMMENT ON COLUMN public.contacts.company_id IS
'Where they work.
@label Company';
COMMENT ON COLUMN public.contacts.data IS 'Custom fields by name.';

CREATE TABLE public.products (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id   uuid NOT NULL,
    external_id varchar(255),
    sku         varchar(64),
    name        varchar(255) NOT NULL,
    unit_price  numeric(18,2),
    currency    varchar(3) NOT NULL DEFAULT 'USD',
    is_active   boolean NOT NULL DEFAULT true,
    data        jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    deleted_at  timestamptz
);
CREATE UNIQUE INDEX products_external_id_key ON public.products (tenant_id, external_id) WHERE deleted_at IS NULL;
CREATE INDEX products_sku_idx ON public.products (tenant_id, sku);
COMMENT ON TABLE public.products IS
'What a deal''s lines can hold.
@match external_id
@match sku';
COMMENT ON COLUMN public.products.external_id IS 'Its id in the system it came from.';
COMMENT ON COLUMN public.products.sku IS
'Stock keeping unit.
@label SKU';
COMMENT ON COLUMN public.products.currency IS 'ISO 4217 code.';

CREATE TABLE public.deals (
    id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id           uuid NOT NULL,
    external_id         varchar(255),
    name                varchar(255) NOT NULL,
    pipeline_id         uuid NOT NULL,
    stage_id            uuid NOT NULL REFERENCES public.stages (id) ON DELETE RESTRICT,
    status              varchar(32) NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'won', 'lost')),
    amount              numeric(18,2),
    currency            varchar(3) NOT NULL DEFAULT 'USD',
    expected_close_date timestamptz,
    closed_at           timestamptz,
    primary_contact_id  uuid,
    company_id          uuid,
    owner_user_id       uuid,
    tags                jsonb NOT NULL DEFAULT '[]',
    data                jsonb NOT NULL DEFAULT '{}',
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    deleted_at          timestamptz,
    FOREIGN KEY (tenant_id, pipeline_id) REFERENCES public.pipelines (tenant_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (tenant_id, primary_contact_id) REFERENCES public.contacts (tenant_id, id)
        ON DELETE SET NULL (primary_contact_id),
    FOREIGN KEY (tenant_id, company_id) REFERENCES public.companies (tenant_id, id) ON DELETE SET NULL (company_id)
);
CREATE UNIQUE INDEX deals_external_id_key ON public.deals (tenant_id, external_id) WHERE deleted_at IS NULL;
CREATE INDEX deals_pipeline_idx ON public.deals (tenant_id, pipeline_id);
CREATE INDEX deals_stage_idx ON public.deals (stage_id);
CREATE INDEX deals_primary_contact_idx ON public.deals (tenant_id, primary_contact_id);
CREATE INDEX deals_company_idx ON public.deals (tenant_id, company_id);
COMMENT ON TABLE public.deals IS
'Chances to sell, each at one step of a pipeline.
@match external_id';
COMMENT ON COLUMN public.deals.external_id IS 'Its id in the system it came from.';
COMMENT ON COLUMN public.deals.currency IS 'ISO 4217 code of amount.';
COMMENT ON COLUMN public.deals.owner_user_id IS
'Who looks after it.
@user';
COMMENT ON COLUMN public.deals.data IS 'Custom fields by name.';

CREATE TABLE public.deal_line_items (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    deal_id     uuid NOT NULL REFERENCES public.deals (id) ON DELETE CASCADE,
    product_id  uuid REFERENCES public.products (id) ON DELETE SET NULL,
    description text,
    quantity    numeric(12,3) NOT NULL DEFAULT 1,
    unit_price  numeric(18,2) NOT NULL DEFAULT 0,
    position    integer NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX deal_line_items_deal_idx ON public.deal_line_items (deal_id, position);
CREATE INDEX deal_line_items_product_idx ON public.deal_line_items (product_id);
COMMENT ON TABLE public.deal_line_items IS 'What a deal is about, line by line. They belong to a workspace through it.';
COMMENT ON COLUMN public.deal_line_items.unit_price IS 'In the deal''s currency.';
COMMENT ON COLUMN public.deal_line_items.position IS 'Place in the deal, from 0.';

-- +goose Down
DROP TABLE public.deal_line_items, public.deals, public.products, public.contacts, public.companies,
    public.stages, public.pipelines, public.custom_field_definitions;
