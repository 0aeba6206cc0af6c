-- The jewellery store's till: sales, invoices, quotes, vouchers, goods lent out on memo.

-- +goose Up
CREATE TABLE public.sales (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id       uuid NOT NULL,
    number          varchar(32) NOT NULL,
    customer_id     uuid,
    location_id     uuid,
    invoice_id      uuid,
    sold_by_user_id uuid,
    status          varchar(32) NOT NULL DEFAULT 'completed' CHECK (status IN ('layby', 'completed', 'refunded', 'void')),
    currency        public.currency_code NOT NULL DEFAULT 'EUR',
    subtotal        public.money_amount NOT NULL DEFAULT 0,
    tax_rate        numeric(6,4) NOT NULL DEFAULT 0,
    total           numeric(14,2) GENERATED ALWAYS AS (round(subtotal * (1 + tax_rate), 2)) STORED,
    sold_at         timestamptz NOT NULL DEFAULT now(),
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, number),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES public.customers (tenant_id, id) ON DELETE SET NULL (customer_id),
    FOREIGN KEY (tenant_id, location_id) REFERENCES public.locations (tenant_id, id) ON DELETE SET NULL (location_id)
);
CREATE INDEX sales_customer_idx ON public.sales (tenant_id, customer_id);
CREATE INDEX sales_invoice_idx ON public.sales (tenant_id, invoice_id);
COMMENT ON TABLE public.sales IS
'What went over the counter.
@match number';
COMMENT ON COLUMN public.sales.number IS 'On the receipt.';
COMMENT ON COLUMN public.sales.invoice_id IS 'The invoice written for it; invoices.sale_id points back.';
COMMENT ON COLUMN public.sales.sold_by_user_id IS
'Who served the customer.
@user';
COMMENT ON COLUMN public.sales.tax_rate IS 'As a fraction: 0.19 is 19 %.';

CREATE TABLE public.sale_items (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id    uuid NOT NULL,
    sale_id      uuid NOT NULL,
    position     integer NOT NULL,
    inventory_id uuid,
    description  text NOT NULL,
    quantity     public.item_count DEFAULT 1,
    unit_price   public.money_amount NOT NULL,
    discount     numeric(5,2) NOT NULL DEFAULT 0,
    line_total   numeric(14,2) GENERATED ALWAYS AS (round(quantity * unit_price * (1 - discount / 100), 2)) STORED,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, sale_id, position),
    FOREIGN KEY (tenant_id, sale_id) REFERENCES public.sales (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, inventory_id) REFERENCES public.inventory (tenant_id, id) ON DELETE SET NULL (inventory_id)
);
CREATE INDEX sale_items_inventory_idx ON public.sale_items (tenant_id, inventory_id);
COMMENT ON TABLE public.sale_items IS
'Lines of a sale.
@match sale_id, position';
COMMENT ON COLUMN public.sale_items.discount IS 'In percent.';

CREATE TABLE public.invoices (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id   uuid NOT NULL,
    number      varchar(32) NOT NULL,
    customer_id uuid,
    sale_id     uuid,
    status      varchar(32) NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'sent', 'paid', 'overdue', 'void')),
    currency    public.currency_code NOT NULL DEFAULT 'EUR',
    total       numeric(14,2) NOT NULL DEFAULT 0,
    terms       interval NOT NULL DEFAULT '30 days',
    issued_on   date NOT NULL,
    paid_at     timestamptz,
    billing     jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, number),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES public.customers (tenant_id, id) ON DELETE SET NULL (customer_id),
    FOREIGN KEY (tenant_id, sale_id) REFERENCES public.sales (tenant_id, id) ON DELETE SET NULL (sale_id)
);
CREATE INDEX invoices_customer_idx ON public.invoices (tenant_id, customer_id);
CREATE INDEX invoices_sale_idx ON public.invoices (tenant_id, sale_id);
COMMENT ON TABLE public.invoices IS
'Bills, numbered without gaps. They are voided, never deleted.
@match number';
COMMENT ON COLUMN public.invoices.sale_id IS 'The sale it was written for; sales.invoice_id points back.';
COMMENT ON COLUMN public.invoices.terms IS 'Time the customer has to pay.';
COMMENT ON COLUMN public.invoices.billing IS 'Name and address as they stood on the day.';

-- Sales and invoices refer to each other. Whoever loads both may put this one check off to the end of the transaction.
ALTER TABLE public.sales ADD CONSTRAINT sales_invoice_fkey
    FOREIGN KEY (tenant_id, invoice_id) REFERENCES public.invoices (tenant_id, id) ON DELETE SET NULL (invoice_id)
    DEFERRABLE INITIALLY IMMEDIATE;

CREATE TABLE public.invoice_items (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id   uuid NOT NULL,
    invoice_id  uuid NOT NULL,
    position    integer NOT NULL,
    description text NOT NULL,
    quantity    numeric(12,3) NOT NULL DEFAULT 1,
    unit_price  numeric(12,2) NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, invoice_id, position),
    FOREIGN KEY (tenant_id, invoice_id) REFERENCES public.invoices (tenant_id, id) ON DELETE CASCADE
);
COMMENT ON TABLE public.invoice_items IS
'Lines of an invoice; a credit is a negative price.
@match invoice_id, position';

CREATE TABLE public.payments (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id  uuid NOT NULL,
    reference  varchar(64) NOT NULL,
    sale_id    uuid,
    invoice_id uuid,
    method     varchar(32) NOT NULL CHECK (method IN ('cash', 'card', 'transfer', 'voucher', 'gift card', 'finance')),
    amount     public.money_amount NOT NULL,
    currency   public.currency_code NOT NULL DEFAULT 'EUR',
    details    jsonb,
    paid_at    timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, reference),
    FOREIGN KEY (tenant_id, sale_id) REFERENCES public.sales (tenant_id, id) ON DELETE SET NULL (sale_id),
    FOREIGN KEY (tenant_id, invoice_id) REFERENCES public.invoices (tenant_id, id) ON DELETE SET NULL (invoice_id)
);
CREATE INDEX payments_sale_idx ON public.payments (tenant_id, sale_id);
CREATE INDEX payments_invoice_idx ON public.payments (tenant_id, invoice_id);
COMMENT ON TABLE public.payments IS
'Money received.
@match reference';
COMMENT ON COLUMN public.payments.details IS 'What the card terminal or bank said. Empty for cash.';

CREATE TABLE public.refunds (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id   uuid NOT NULL,
    number      varchar(32) NOT NULL,
    sale_id     uuid NOT NULL,
    payment_id  uuid,
    amount      public.money_amount NOT NULL,
    reason      text,
    refunded_at timestamptz NOT NULL DEFAULT now(),
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, number),
    FOREIGN KEY (tenant_id, sale_id) REFERENCES public.sales (tenant_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (tenant_id, payment_id) REFERENCES public.payments (tenant_id, id) ON DELETE SET NULL (payment_id)
);
CREATE INDEX refunds_sale_idx ON public.refunds (tenant_id, sale_id);
COMMENT ON TABLE public.refunds IS
'Money given back.
@match number';

CREATE TABLE public.quotes (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id   uuid NOT NULL,
    number      varchar(32) NOT NULL,
    customer_id uuid,
    status      varchar(32) NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'accepted', 'declined', 'expired')),
    currency    public.currency_code NOT NULL DEFAULT 'EUR',
    valid_until date,
    terms       text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    deleted_at  timestamptz,
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES public.customers (tenant_id, id) ON DELETE SET NULL (customer_id)
);
CREATE UNIQUE INDEX quotes_number_key ON public.quotes (tenant_id, number) WHERE deleted_at IS NULL;
CREATE INDEX quotes_customer_idx ON public.quotes (tenant_id, customer_id);
COMMENT ON TABLE public.quotes IS
'Offers with a price.
@match number';

CREATE TABLE public.quote_items (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id    uuid NOT NULL,
    quote_id     uuid NOT NULL,
    position     integer NOT NULL,
    inventory_id uuid,
    description  text NOT NULL,
    quantity     numeric(12,3) NOT NULL DEFAULT 1,
    unit_price   public.money_amount NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, quote_id, position),
    FOREIGN KEY (tenant_id, quote_id) REFERENCES public.quotes (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, inventory_id) REFERENCES public.inventory (tenant_id, id) ON DELETE SET NULL (inventory_id)
);
COMMENT ON TABLE public.quote_items IS
'Lines of a quote.
@match quote_id, position';

CREATE TABLE public.vouchers (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id    uuid NOT NULL,
    code         varchar(32) NOT NULL,
    customer_id  uuid,
    amount       public.money_amount NOT NULL,
    balance      public.money_amount NOT NULL,
    currency     public.currency_code NOT NULL DEFAULT 'EUR',
    valid_during tstzrange,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    deleted_at   timestamptz,
    UNIQUE (tenant_id, id),
    CHECK (balance <= amount),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES public.customers (tenant_id, id) ON DELETE SET NULL (customer_id)
);
CREATE UNIQUE INDEX vouchers_code_key ON public.vouchers (tenant_id, code) WHERE deleted_at IS NULL;
COMMENT ON TABLE public.vouchers IS
'Credit that a code stands for.
@match code';
COMMENT ON COLUMN public.vouchers.balance IS 'What is left of amount.';
COMMENT ON COLUMN public.vouchers.valid_during IS 'When it can be used; open on the right if it never runs out.';

CREATE TABLE public.voucher_redemptions (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id   uuid NOT NULL,
    voucher_id  uuid NOT NULL,
    sale_id     uuid NOT NULL,
    amount      public.money_amount NOT NULL,
    redeemed_at timestamptz NOT NULL DEFAULT now(),
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, voucher_id, sale_id),
    FOREIGN KEY (tenant_id, voucher_id) REFERENCES public.vouchers (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, sale_id) REFERENCES public.sales (tenant_id, id) ON DELETE CASCADE
);
COMMENT ON TABLE public.voucher_redemptions IS
'Vouchers used in a sale.
@match voucher_id, sale_id';

CREATE TABLE public.memos (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id   uuid NOT NULL,
    number      varchar(32) NOT NULL,
    customer_id uuid,
    supplier_id uuid,
    direction   varchar(32) NOT NULL CHECK (direction IN ('in', 'out')),
    due_back_on date,
    notes       text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    deleted_at  timestamptz,
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES public.customers (tenant_id, id) ON DELETE SET NULL (customer_id),
    FOREIGN KEY (tenant_id, supplier_id) REFERENCES public.suppliers (tenant_id, id) ON DELETE SET NULL (supplier_id)
);
CREATE UNIQUE INDEX memos_number_key ON public.memos (tenant_id, number) WHERE deleted_at IS NULL;
COMMENT ON TABLE public.memos IS
'Pieces lent out for approval, or taken in on commission.
@match number';
COMMENT ON COLUMN public.memos.direction IS 'in: lent to the store; out: lent by it.';

CREATE TABLE public.memo_items (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id    uuid NOT NULL,
    memo_id      uuid NOT NULL,
    inventory_id uuid NOT NULL,
    agreed_price public.money_amount,
    returned_at  timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, memo_id, inventory_id),
    FOREIGN KEY (tenant_id, memo_id) REFERENCES public.memos (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, inventory_id) REFERENCES public.inventory (tenant_id, id) ON DELETE RESTRICT
);
COMMENT ON TABLE public.memo_items IS
'Pieces on a memo.
@match memo_id, inventory_id';

-- Left over from an older till, with the names it chose.
CREATE TABLE public."Gift Cards" (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id     uuid NOT NULL,
    "Card Number" varchar(32) NOT NULL,
    "Issued To"   text,
    "customerId"  uuid,
    "Balance"     numeric(12,2) NOT NULL DEFAULT 0,
    "Currency"    char(3) NOT NULL DEFAULT 'EUR',
    "Issued On"   date,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, "Card Number"),
    FOREIGN KEY (tenant_id, "customerId") REFERENCES public.customers (tenant_id, id) ON DELETE SET NULL ("customerId")
);
COMMENT ON TABLE public."Gift Cards" IS 'Prepaid cards from the till system before this one.';
COMMENT ON COLUMN public."Gift Cards"."customerId" IS 'Who bought it.';

-- +goose Down
ALTER TABLE public.sales DROP CONSTRAINT sales_invoice_fkey;
DROP TABLE public."Gift Cards", public.memo_items, public.memos, public.voucher_redemptions, public.vouchers,
    public.quote_items, public.quotes, public.refunds, public.payments, public.invoice_items, public.invoices,
    public.sale_items, public.sales;
