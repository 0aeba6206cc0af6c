-- The CRM's second part: what happened around its records, the files kept for them, and the logs of its machinery.
--
-- A polymorphic reference is a pair (entity_type, entity_id); the tag @poly on the id says which table a type stands for.

-- +goose Up
CREATE TABLE public.activities (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id     uuid NOT NULL,
    external_id   varchar(255),
    kind          varchar(64) NOT NULL,
    subject       varchar(512),
    body          text,
    occurred_at   timestamptz NOT NULL DEFAULT now(),
    entity_type   varchar(32)
                  CHECK (entity_type IN ('contact', 'company', 'deal', 'activity', 'note', 'task', 'file', 'product')),
    entity_id     uuid,
    actor_user_id uuid,
    data          jsonb NOT NULL DEFAULT '{}',
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    deleted_at    timestamptz
);
CREATE UNIQUE INDEX activities_external_id_key ON public.activities (tenant_id, external_id) WHERE deleted_at IS NULL;
CREATE INDEX activities_entity_idx ON public.activities (entity_type, entity_id);
CREATE INDEX activities_occurred_at_idx ON public.activities (tenant_id, occurred_at);
COMMENT ON TABLE public.activities IS
'Calls, meetings, letters: each touch with a record.
@match external_id';
COMMENT ON COLUMN public.activities.external_id IS 'Its id in the system it came from.';
COMMENT ON COLUMN public.activities.kind IS 'call, meeting, email_log, …';
COMMENT ON COLUMN public.activities.entity_id IS
'The record it concerns.
@poly contact=contacts company=companies deal=deals activity=activities note=notes task=tasks file=files product=products';
COMMENT ON COLUMN public.activities.actor_user_id IS
'Who did it.
@user';

CREATE TABLE public.notes (
    id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id      uuid NOT NULL,
    entity_type    varchar(32) NOT NULL
                   CHECK (entity_type IN ('contact', 'company', 'deal', 'activity', 'note', 'task', 'file', 'product')),
    entity_id      uuid NOT NULL,
    body           text NOT NULL,
    author_user_id uuid,
    data           jsonb NOT NULL DEFAULT '{}',
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    deleted_at     timestamptz
);
CREATE INDEX notes_entity_idx ON public.notes (tenant_id, entity_type, entity_id);
COMMENT ON TABLE public.notes IS
'Free text about a record.
@match entity_type, entity_id, body';
COMMENT ON COLUMN public.notes.entity_id IS
'The record it is about.
@poly contact=contacts company=companies deal=deals activity=activities note=notes task=tasks file=files product=products';
COMMENT ON COLUMN public.notes.body IS 'Markdown.';
COMMENT ON COLUMN public.notes.author_user_id IS
'Who wrote it.
@user';

CREATE TABLE public.tasks (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id        uuid NOT NULL,
    external_id      varchar(255),
    title            varchar(512) NOT NULL,
    description      text,
    status           varchar(32) NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'in_progress', 'done', 'cancelled')),
    due_at           timestamptz,
    completed_at     timestamptz,
    entity_type      varchar(32)
                     CHECK (entity_type IN ('contact', 'company', 'deal', 'activity', 'note', 'task', 'file', 'product')),
    entity_id        uuid,
    assignee_user_id uuid,
    data             jsonb NOT NULL DEFAULT '{}',
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    deleted_at       timestamptz
);
CREATE UNIQUE INDEX tasks_external_id_key ON public.tasks (tenant_id, external_id) WHERE deleted_at IS NULL;
CREATE INDEX tasks_entity_idx ON public.tasks (entity_type, entity_id);
CREATE INDEX tasks_due_at_idx ON public.tasks (tenant_id, status, due_at);
COMMENT ON TABLE public.tasks IS
'Things to do, in the office and in the shop.
@match external_id';
COMMENT ON COLUMN public.tasks.external_id IS 'Its id in the system it came from.';
COMMENT ON COLUMN public.tasks.entity_id IS
'The record it concerns.
@poly contact=contacts company=companies deal=deals activity=activities note=notes task=tasks file=files product=products';
COMMENT ON COLUMN public.tasks.assignee_user_id IS
'Who is to do it.
@user';

CREATE TABLE public.relationships (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id     uuid NOT NULL,
    source_type   varchar(32) NOT NULL
                  CHECK (source_type IN ('contact', 'company', 'deal', 'activity', 'note', 'task', 'file', 'product')),
    source_id     uuid NOT NULL,
    target_type   varchar(32) NOT NULL
                  CHECK (target_type IN ('contact', 'company', 'deal', 'activity', 'note', 'task', 'file', 'product')),
    target_id     uuid NOT NULL,
    relation_type varchar(64) NOT NULL,
    strength      numeric(5,2) NOT NULL DEFAULT 1,
    data          jsonb NOT NULL DEFAULT '{}',
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    deleted_at    timestamptz
);
CREATE UNIQUE INDEX relationships_edge_key
    ON public.relationships (tenant_id, source_type, source_id, target_type, target_id, relation_type)
    WHERE deleted_at IS NULL;
CREATE INDEX relationships_target_idx ON public.relationships (tenant_id, target_type, target_id);
COMMENT ON TABLE public.relationships IS
'Named ties between any two records: knows, works_at, partner_of, …
@match source_type, source_id, target_type, target_id, relation_type';
COMMENT ON COLUMN public.relationships.source_id IS
'Where the tie begins.
@poly contact=contacts company=companies deal=deals activity=activities note=notes task=tasks file=files product=products';
COMMENT ON COLUMN public.relationships.target_id IS
'Where it leads.
@poly contact=contacts company=companies deal=deals activity=activities note=notes task=tasks file=files product=products';

CREATE TABLE public.memory_links (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id       uuid NOT NULL,
    connector       varchar(64) NOT NULL,
    external_id     varchar(255) NOT NULL,
    crm_entity_type varchar(32) NOT NULL
                    CHECK (crm_entity_type IN ('contact', 'company', 'deal', 'activity', 'note', 'task', 'file', 'product')),
    crm_entity_id   uuid NOT NULL,
    note            text,
    data            jsonb NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    deleted_at      timestamptz
);
CREATE UNIQUE INDEX memory_links_link_key
    ON public.memory_links (tenant_id, connector, external_id, crm_entity_type, crm_entity_id) WHERE deleted_at IS NULL;
CREATE INDEX memory_links_entity_idx ON public.memory_links (tenant_id, crm_entity_type, crm_entity_id);
COMMENT ON TABLE public.memory_links IS
'Ties between a record and a document of an outside knowledge store.
@match connector, external_id, crm_entity_type, crm_entity_id';
COMMENT ON COLUMN public.memory_links.connector IS 'Name of the outside store.';
COMMENT ON COLUMN public.memory_links.external_id IS 'The document''s id there.';
COMMENT ON COLUMN public.memory_links.crm_entity_id IS
'The record.
@poly contact=contacts company=companies deal=deals activity=activities note=notes task=tasks file=files product=products';

CREATE TABLE public.files (
    id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id           uuid NOT NULL,
    filename            varchar(512) NOT NULL,
    content_type        varchar(255) NOT NULL DEFAULT 'application/octet-stream',
    size_bytes          bigint NOT NULL DEFAULT 0,
    sha256              varchar(64),
    storage_key         varchar(1024) NOT NULL,
    entity_type         varchar(32)
                        CHECK (entity_type IN ('contact', 'company', 'deal', 'activity', 'note', 'task', 'file', 'product')),
    entity_id           uuid,
    uploaded_by_user_id uuid,
    data                jsonb NOT NULL DEFAULT '{}',
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    deleted_at          timestamptz
);
CREATE INDEX files_sha256_idx ON public.files (tenant_id, sha256);
CREATE INDEX files_entity_idx ON public.files (entity_type, entity_id);
COMMENT ON TABLE public.files IS
'Documents and pictures kept for a record. The bytes are in the object store.
@match sha256';
COMMENT ON COLUMN public.files.sha256 IS
'Of the bytes, in hexadecimal.
@label SHA-256';
COMMENT ON COLUMN public.files.storage_key IS
'Key of the object that holds the bytes.
@file';
COMMENT ON COLUMN public.files.entity_id IS
'The record it is kept for.
@poly contact=contacts company=companies deal=deals activity=activities note=notes task=tasks file=files product=products';
COMMENT ON COLUMN public.files.uploaded_by_user_id IS
'Who brought it.
@user';

CREATE TABLE public.webhooks (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id        uuid NOT NULL,
    name             varchar(255) NOT NULL,
    url              varchar(2048) NOT NULL,
    secret           varchar(255) NOT NULL,
    events           jsonb NOT NULL DEFAULT '[]',
    is_active        boolean NOT NULL DEFAULT true,
    failure_count    integer NOT NULL DEFAULT 0,
    last_delivery_at timestamptz,
    last_error       text,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    deleted_at       timestamptz,
    UNIQUE (tenant_id, id)
);
CREATE INDEX webhooks_url_idx ON public.webhooks (tenant_id, url);
COMMENT ON TABLE public.webhooks IS
'Addresses of the workspace that hear of events.
@match url';
COMMENT ON COLUMN public.webhooks.url IS '@label URL';
COMMENT ON COLUMN public.webhooks.secret IS
'Signs what is sent.
@redact';
COMMENT ON COLUMN public.webhooks.events IS 'Names of the events it hears of.';
COMMENT ON COLUMN public.webhooks.failure_count IS 'Failures since the last success.';

CREATE TABLE public.webhook_deliveries (
    id              bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    tenant_id       uuid NOT NULL,
    webhook_id      uuid NOT NULL,
    event_type      varchar(64) NOT NULL,
    payload         jsonb NOT NULL,
    status          varchar(32) NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'succeeded', 'failed', 'dead')),
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    status_code     integer,
    response_body   text,
    error           text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (tenant_id, webhook_id) REFERENCES public.webhooks (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX webhook_deliveries_webhook_idx ON public.webhook_deliveries (tenant_id, webhook_id, created_at);
COMMENT ON TABLE public.webhook_deliveries IS
'What was sent to webhooks, and how it went.
@operational';

CREATE TABLE public.ingest_runs (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id     uuid NOT NULL,
    source        varchar(64) NOT NULL,
    format        varchar(32) NOT NULL,
    actor_user_id uuid,
    record_count  integer NOT NULL DEFAULT 0,
    created_count integer NOT NULL DEFAULT 0,
    updated_count integer NOT NULL DEFAULT 0,
    error_count   integer NOT NULL DEFAULT 0,
    diagnostics   jsonb NOT NULL DEFAULT '{}',
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ingest_runs_created_at_idx ON public.ingest_runs (tenant_id, created_at);
COMMENT ON TABLE public.ingest_runs IS
'Loads from outside sources, and how they went.
@operational';
COMMENT ON COLUMN public.ingest_runs.actor_user_id IS
'Who started it.
@user';

CREATE TABLE public.timeline_events (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id     uuid NOT NULL,
    entity_type   varchar(32) NOT NULL
                  CHECK (entity_type IN ('contact', 'company', 'deal', 'activity', 'note', 'task', 'file', 'product')),
    entity_id     uuid NOT NULL,
    event_type    varchar(64) NOT NULL,
    occurred_at   timestamptz NOT NULL DEFAULT now(),
    actor_user_id uuid,
    payload       jsonb NOT NULL DEFAULT '{}',
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX timeline_events_entity_idx ON public.timeline_events (tenant_id, entity_type, entity_id, occurred_at);
COMMENT ON TABLE public.timeline_events IS
'Everything that ever happened to a record, in order. Rows are only added.
@optional timeline';
COMMENT ON COLUMN public.timeline_events.entity_id IS
'The record.
@poly contact=contacts company=companies deal=deals activity=activities note=notes task=tasks file=files product=products';
COMMENT ON COLUMN public.timeline_events.event_type IS 'contact.created, deal.won, …';
COMMENT ON COLUMN public.timeline_events.actor_user_id IS
'Who made it happen.
@user';

-- +goose Down
DROP TABLE public.timeline_events, public.ingest_runs, public.webhook_deliveries, public.webhooks, public.files,
    public.memory_links, public.relationships, public.tasks, public.notes, public.activities;
