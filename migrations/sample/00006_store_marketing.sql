-- The jewellery store's counter talk: campaigns, messages, loyalty, wishes; and the logs of its machinery.

-- +goose Up
CREATE TABLE public.segments (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id   uuid NOT NULL,
    name        varchar(255) NOT NULL,
    description text,
    filter      jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    deleted_at  timestamptz,
    UNIQUE (tenant_id, id)
);
CREATE UNIQUE INDEX segments_name_key ON public.segments (tenant_id, name) WHERE deleted_at IS NULL;
COMMENT ON TABLE public.segments IS
'Groups of customers, each named by a filter.
@match name';

CREATE TABLE public.campaigns (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id   uuid NOT NULL,
    name        varchar(255) NOT NULL,
    segment_id  uuid,
    channel     varchar(32) NOT NULL CHECK (channel IN ('email', 'sms', 'whatsapp', 'post')),
    subject     text,
    body        text,
    status      varchar(32) NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'scheduled', 'sending', 'sent', 'stopped')),
    send_window tstzrange,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    deleted_at  timestamptz,
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, segment_id) REFERENCES public.segments (tenant_id, id) ON DELETE SET NULL (segment_id)
);
CREATE UNIQUE INDEX campaigns_name_key ON public.campaigns (tenant_id, name) WHERE deleted_at IS NULL;
COMMENT ON TABLE public.campaigns IS
'Messages sent to many.
@match name';
COMMENT ON COLUMN public.campaigns.send_window IS 'When it may go out.';

CREATE TABLE public.campaign_recipients (
    campaign_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    tenant_id   uuid NOT NULL,
    status      varchar(32) NOT NULL DEFAULT 'queued'
                CHECK (status IN ('queued', 'sent', 'opened', 'clicked', 'bounced', 'unsubscribed')),
    sent_at     timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (campaign_id, customer_id),
    FOREIGN KEY (tenant_id, campaign_id) REFERENCES public.campaigns (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, customer_id) REFERENCES public.customers (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX campaign_recipients_campaign_idx ON public.campaign_recipients (tenant_id, campaign_id);
CREATE INDEX campaign_recipients_customer_idx ON public.campaign_recipients (tenant_id, customer_id);
COMMENT ON TABLE public.campaign_recipients IS
'Who a campaign went to. The pair is the key: there is no id.
@match campaign_id, customer_id';

CREATE TABLE public.communications (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id   uuid NOT NULL,
    message_id  varchar(255),
    customer_id uuid,
    channel     varchar(32) NOT NULL CHECK (channel IN ('email', 'sms', 'whatsapp', 'phone', 'post')),
    direction   varchar(32) NOT NULL CHECK (direction IN ('in', 'out')),
    subject     text,
    body        text,
    cc          text[],
    sent_at     timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    deleted_at  timestamptz,
    FOREIGN KEY (tenant_id, customer_id) REFERENCES public.customers (tenant_id, id) ON DELETE SET NULL (customer_id)
);
CREATE UNIQUE INDEX communications_message_id_key ON public.communications (tenant_id, message_id)
    WHERE deleted_at IS NULL;
CREATE INDEX communications_customer_idx ON public.communications (tenant_id, customer_id);
COMMENT ON TABLE public.communications IS
'Letters, messages and calls with one customer.
@match message_id';
COMMENT ON COLUMN public.communications.message_id IS 'As the mail or message service names it. Calls have none.';
COMMENT ON COLUMN public.communications.cc IS 'Others who got it. Empty list: nobody; nothing: not known.';

CREATE TABLE public.integrations (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id    uuid NOT NULL,
    provider     varchar(64) NOT NULL,
    credentials  jsonb,
    settings     jsonb NOT NULL DEFAULT '{}',
    scopes       text[] NOT NULL DEFAULT '{}',
    is_active    boolean NOT NULL DEFAULT true,
    last_sync_at timestamptz,
    expires_at   timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, provider)
);
COMMENT ON TABLE public.integrations IS
'Other services the store has connected.
@match provider';
COMMENT ON COLUMN public.integrations.credentials IS
'What the service gave for access.
@redact';
COMMENT ON COLUMN public.integrations.expires_at IS 'End of access; infinity if it was given for good.';

CREATE TABLE public.loyalty_tiers (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id   uuid NOT NULL,
    name        varchar(64) NOT NULL,
    rank        smallint NOT NULL,
    min_points  bigint NOT NULL DEFAULT 0,
    multiplier  real NOT NULL DEFAULT 1,
    benefits    text[] NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, name)
);
COMMENT ON TABLE public.loyalty_tiers IS
'Steps of the loyalty programme.
@match name';
COMMENT ON COLUMN public.loyalty_tiers.multiplier IS 'Points earned for one unit of money.';

CREATE TABLE public.loyalty_points (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id   uuid NOT NULL,
    customer_id uuid NOT NULL,
    tier_id     uuid,
    sale_id     uuid,
    points      bigint NOT NULL,
    reason      text,
    expires_on  date,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES public.customers (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, tier_id) REFERENCES public.loyalty_tiers (tenant_id, id) ON DELETE SET NULL (tier_id),
    FOREIGN KEY (tenant_id, sale_id) REFERENCES public.sales (tenant_id, id) ON DELETE SET NULL (sale_id)
);
CREATE INDEX loyalty_points_customer_idx ON public.loyalty_points (tenant_id, customer_id);
COMMENT ON TABLE public.loyalty_points IS 'Points earned and spent. Rows are only added.';
COMMENT ON COLUMN public.loyalty_points.points IS 'Negative when spent.';
COMMENT ON COLUMN public.loyalty_points.tier_id IS 'The customer''s tier at the time.';

CREATE TABLE public.wishlists (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id    uuid NOT NULL,
    customer_id  uuid NOT NULL,
    inventory_id uuid NOT NULL,
    remark       text,
    occasion     date,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, customer_id, inventory_id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES public.customers (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, inventory_id) REFERENCES public.inventory (tenant_id, id) ON DELETE CASCADE
);
COMMENT ON TABLE public.wishlists IS
'Pieces a customer would like to be given.
@match customer_id, inventory_id';

CREATE TABLE public.print_jobs (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id    uuid NOT NULL,
    location_id  uuid,
    printer      inet NOT NULL,
    document     varchar(64) NOT NULL,
    payload      bytea NOT NULL,
    status       varchar(32) NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'printed', 'failed')),
    printed_at   timestamp,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (tenant_id, location_id) REFERENCES public.locations (tenant_id, id) ON DELETE SET NULL (location_id)
);
CREATE INDEX print_jobs_created_at_idx ON public.print_jobs (tenant_id, created_at);
COMMENT ON TABLE public.print_jobs IS
'Tags and receipts on their way to a printer.
@operational';
COMMENT ON COLUMN public.print_jobs.printed_at IS 'By the printer''s own clock, in the location''s time.';

CREATE TABLE public.store_audit_log (
    id            bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    tenant_id     uuid NOT NULL,
    actor_user_id uuid,
    action        varchar(64) NOT NULL,
    entity_table  varchar(64) NOT NULL,
    entity_key    text,
    before        jsonb,
    after         jsonb,
    ip_address    inet,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX store_audit_log_created_at_idx ON public.store_audit_log (tenant_id, created_at);
COMMENT ON TABLE public.store_audit_log IS
'Who changed what in the store. Rows are only added.
@optional audit';
COMMENT ON COLUMN public.store_audit_log.actor_user_id IS
'Who did it.
@user';
COMMENT ON COLUMN public.store_audit_log.entity_key IS 'Number or code of the row, as people know it.';
COMMENT ON COLUMN public.store_audit_log.ip_address IS
'Where the request came from.
@label IP Address';

-- +goose Down
DROP TABLE public.store_audit_log, public.print_jobs, public.wishlists, public.loyalty_points, public.loyalty_tiers,
    public.integrations, public.communications, public.campaign_recipients, public.campaigns, public.segments;
