-- The jewellery store's half of the sample product: customers, places, stock.
--
-- Its tables use what Postgres offers beyond plain columns, on purpose: an enum, domains, arrays, bytes, times of day,
-- a self-reference. A tool that carries these rows unharmed carries most products.

-- +goose Up
CREATE TYPE public.inventory_status AS ENUM ('in_stock', 'reserved', 'on_memo', 'in_repair', 'sold', 'written off');
COMMENT ON TYPE public.inventory_status IS 'Where a piece stands between purchase and sale.';
CREATE DOMAIN public.currency_code AS varchar(3) CHECK (VALUE ~ '^[A-Z]{3}$');
COMMENT ON DOMAIN public.currency_code IS 'ISO 4217 code.';
CREATE DOMAIN public.money_amount AS numeric(12,2) CHECK (VALUE >= 0);
COMMENT ON DOMAIN public.money_amount IS 'A sum that cannot be negative.';
CREATE DOMAIN public.item_count AS integer NOT NULL CHECK (VALUE >= 0);
COMMENT ON DOMAIN public.item_count IS 'A number of pieces; always known.';

CREATE TABLE public.customers (
    id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id         uuid NOT NULL,
    external_id       varchar(255),
    name              bytea,
    email             bytea,
    email_hash        bytea,
    phone             bytea,
    address           bytea,
    birthday          date,
    marketing_consent boolean NOT NULL DEFAULT false,
    preferred_metals  text[] NOT NULL DEFAULT '{}',
    ring_size         numeric(4,2),
    notes             text,
    last_visit_at     timestamptz,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    deleted_at        timestamptz,
    UNIQUE (tenant_id, id)
);
CREATE UNIQUE INDEX customers_external_id_key ON public.customers (tenant_id, external_id) WHERE deleted_at IS NULL;
CREATE INDEX customers_email_hash_idx ON public.customers (tenant_id, email_hash);
COMMENT ON TABLE public.customers IS
'People who buy, or bring something to be mended.
@match external_id
@match email_hash';
COMMENT ON COLUMN public.customers.external_id IS 'Its number in the till system before this one.';
COMMENT ON COLUMN public.customers.name IS
'Full name.
@encrypted';
COMMENT ON COLUMN public.customers.email IS '@encrypted';
COMMENT ON COLUMN public.customers.email_hash IS
'Finds a customer by address without the address being readable.
@hash email';
COMMENT ON COLUMN public.customers.phone IS '@encrypted';
COMMENT ON COLUMN public.customers.address IS
'Postal address, several lines.
@encrypted';
COMMENT ON COLUMN public.customers.ring_size IS 'Inner diameter in millimetres.';
COMMENT ON COLUMN public.customers.last_visit_at IS
'Written by the till.
@readonly';

CREATE TABLE public.suppliers (
    id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id      uuid NOT NULL,
    code           varchar(32) NOT NULL,
    name           varchar(255) NOT NULL,
    contact_name   text,
    email          varchar(320),
    phones         text[] NOT NULL DEFAULT '{}',
    country        char(2),
    lead_time      interval,
    payment_terms  jsonb NOT NULL DEFAULT '{}',
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    deleted_at     timestamptz,
    UNIQUE (tenant_id, id)
);
CREATE UNIQUE INDEX suppliers_code_key ON public.suppliers (tenant_id, code) WHERE deleted_at IS NULL;
COMMENT ON TABLE public.suppliers IS
'Makers, casters and stone dealers the store buys from.
@match code';
COMMENT ON COLUMN public.suppliers.country IS 'ISO 3166-1 alpha-2 code.';
COMMENT ON COLUMN public.suppliers.lead_time IS 'From order to delivery.';

CREATE TABLE public.locations (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id     uuid NOT NULL,
    code          varchar(32) NOT NULL,
    name          varchar(255) NOT NULL,
    address       text,
    time_zone     text NOT NULL DEFAULT 'UTC',
    opens_at      time,
    closes_at     time,
    open_weekdays smallint[] NOT NULL DEFAULT '{1,2,3,4,5}',
    latitude      double precision,
    longitude     double precision,
    network       inet,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    deleted_at    timestamptz,
    UNIQUE (tenant_id, id)
);
CREATE UNIQUE INDEX locations_code_key ON public.locations (tenant_id, code) WHERE deleted_at IS NULL;
COMMENT ON TABLE public.locations IS
'Shops, workshops and safes.
@match code';
COMMENT ON COLUMN public.locations.open_weekdays IS 'ISO weekdays: 1 is Monday.';
COMMENT ON COLUMN public.locations.network IS 'Addresses of the shop''s own tills and printers.';

CREATE TABLE public.inventory (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id       uuid NOT NULL,
    sku             varchar(64) NOT NULL,
    name            varchar(255) NOT NULL,
    category        varchar(64) NOT NULL,
    metal           varchar(64),
    purity          varchar(32),
    weight_grams    numeric(10,3),
    stones          jsonb NOT NULL DEFAULT '[]',
    dimensions_mm   numeric(8,2)[],
    tags            text[] NOT NULL DEFAULT '{}',
    cost_price      numeric(12,2),
    retail_price    numeric(12,2),
    margin          numeric(12,2) GENERATED ALWAYS AS (retail_price - cost_price) STORED,
    currency        public.currency_code NOT NULL DEFAULT 'EUR',
    quantity        public.item_count DEFAULT 1,
    status          public.inventory_status NOT NULL DEFAULT 'in_stock',
    location_id     uuid,
    supplier_id     uuid,
    parent_id       uuid,
    acquired_on     date,
    last_counted_at timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    deleted_at      timestamptz,
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, location_id) REFERENCES public.locations (tenant_id, id) ON DELETE SET NULL (location_id),
    FOREIGN KEY (tenant_id, supplier_id) REFERENCES public.suppliers (tenant_id, id) ON DELETE SET NULL (supplier_id),
    FOREIGN KEY (tenant_id, parent_id) REFERENCES public.inventory (tenant_id, id) ON DELETE SET NULL (parent_id)
);
CREATE UNIQUE INDEX inventory_sku_key ON public.inventory (tenant_id, sku) WHERE deleted_at IS NULL;
CREATE INDEX inventory_location_idx ON public.inventory (tenant_id, location_id);
CREATE INDEX inventory_supplier_idx ON public.inventory (tenant_id, supplier_id);
CREATE INDEX inventory_parent_idx ON public.inventory (tenant_id, parent_id);
COMMENT ON TABLE public.inventory IS
'Every piece the store owns or owned.
@label Inventory
@match sku';
COMMENT ON COLUMN public.inventory.sku IS
'Number on the tag; leading zeros count.
@label SKU';
COMMENT ON COLUMN public.inventory.purity IS 'Fineness as stamped: 750, 925, 18K, …';
COMMENT ON COLUMN public.inventory.stones IS 'One object a stone: kind, carat, cut, colour, clarity, certificate.';
COMMENT ON COLUMN public.inventory.dimensions_mm IS 'Length, width, height.';
COMMENT ON COLUMN public.inventory.margin IS 'What a sale at the tag''s price earns.';
COMMENT ON COLUMN public.inventory.parent_id IS
'The set or parcel it is a part of.
@label Part Of';
COMMENT ON COLUMN public.inventory.last_counted_at IS
'Written by the stock-taking scanner.
@readonly';

CREATE TABLE public.stock_movements (
    id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id          uuid NOT NULL,
    inventory_id       uuid NOT NULL,
    from_location_id   uuid,
    to_location_id     uuid,
    kind               varchar(32) NOT NULL
                       CHECK (kind IN ('purchase', 'transfer', 'sale', 'return', 'count', 'loss')),
    quantity_change    integer NOT NULL,
    exchange_rate      numeric,
    reason             text,
    staff_user_id      uuid,
    moved_at           timestamptz NOT NULL DEFAULT now(),
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (tenant_id, inventory_id) REFERENCES public.inventory (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, from_location_id) REFERENCES public.locations (tenant_id, id)
        ON DELETE SET NULL (from_location_id),
    FOREIGN KEY (tenant_id, to_location_id) REFERENCES public.locations (tenant_id, id)
        ON DELETE SET NULL (to_location_id)
);
CREATE INDEX stock_movements_inventory_idx ON public.stock_movements (tenant_id, inventory_id, moved_at);
COMMENT ON TABLE public.stock_movements IS 'Each time a piece came, went or changed its place. Rows are only added.';
COMMENT ON COLUMN public.stock_movements.exchange_rate IS 'To the store''s currency on that day, with all its digits.';
COMMENT ON COLUMN public.stock_movements.staff_user_id IS
'Who moved it.
@user';

-- +goose Down
DROP TABLE public.stock_movements, public.inventory, public.locations, public.suppliers, public.customers;
DROP DOMAIN public.item_count, public.money_amount, public.currency_code;
DROP TYPE public.inventory_status;
