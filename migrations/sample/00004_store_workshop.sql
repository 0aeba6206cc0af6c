-- The jewellery store's bench: repairs, pieces made to order, appraisals, appointments, certificates.

-- +goose Up
CREATE TYPE public.repair_status AS ENUM ('received', 'assessed', 'in_progress', 'ready', 'collected', 'cancelled');
COMMENT ON TYPE public.repair_status IS 'How far a repair has come.';
-- A range over ids lets an exclusion constraint test ids for equality with the built-in GiST operators for ranges:
-- no extension is needed, which not every installation could give.
CREATE TYPE public.uuid_range AS RANGE (subtype = uuid);
COMMENT ON TYPE public.uuid_range IS 'Used by exclusion constraints: [id,id] overlaps itself only.';

CREATE TABLE public.repairs (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id        uuid NOT NULL,
    ticket_number    varchar(32) NOT NULL,
    customer_id      uuid NOT NULL,
    item_description text NOT NULL,
    status           public.repair_status NOT NULL DEFAULT 'received',
    quoted_price     public.money_amount,
    turnaround       interval,
    jeweller_user_id uuid,
    due_on           date,
    collected_at     timestamptz,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    deleted_at       timestamptz,
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES public.customers (tenant_id, id) ON DELETE RESTRICT
);
CREATE UNIQUE INDEX repairs_ticket_number_key ON public.repairs (tenant_id, ticket_number) WHERE deleted_at IS NULL;
CREATE INDEX repairs_customer_idx ON public.repairs (tenant_id, customer_id);
COMMENT ON TABLE public.repairs IS
'Pieces brought in to be mended.
@match ticket_number';
COMMENT ON COLUMN public.repairs.ticket_number IS 'On the slip the customer was given.';
COMMENT ON COLUMN public.repairs.turnaround IS 'Promised working time.';
COMMENT ON COLUMN public.repairs.jeweller_user_id IS
'Who mends it.
@user';

CREATE TABLE public.repair_stages (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id   uuid NOT NULL,
    repair_id   uuid NOT NULL,
    "order"     smallint NOT NULL,
    name        varchar(255) NOT NULL,
    time_spent  interval,
    finished_at timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, repair_id, "order"),
    FOREIGN KEY (tenant_id, repair_id) REFERENCES public.repairs (tenant_id, id) ON DELETE CASCADE
);
COMMENT ON TABLE public.repair_stages IS
'Steps of a repair.
@match repair_id, order';
COMMENT ON COLUMN public.repair_stages.repair_id IS
'The repair it is a step of.
@nested';
COMMENT ON COLUMN public.repair_stages."order" IS 'Place among the steps, from 1.';

CREATE TABLE public.bespoke_jobs (
    id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id         uuid NOT NULL,
    job_number        varchar(32) NOT NULL,
    customer_id       uuid NOT NULL,
    title             varchar(255) NOT NULL,
    brief             text,
    design            jsonb NOT NULL DEFAULT '{}',
    status            varchar(32) NOT NULL DEFAULT 'enquiry'
                      CHECK (status IN ('enquiry', 'design', 'approved', 'making', 'finished', 'delivered', 'cancelled')),
    budget            public.money_amount,
    currency          public.currency_code NOT NULL DEFAULT 'EUR',
    designer_user_id  uuid,
    due_on            date,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    deleted_at        timestamptz,
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES public.customers (tenant_id, id) ON DELETE RESTRICT
);
CREATE UNIQUE INDEX bespoke_jobs_job_number_key ON public.bespoke_jobs (tenant_id, job_number) WHERE deleted_at IS NULL;
CREATE INDEX bespoke_jobs_customer_idx ON public.bespoke_jobs (tenant_id, customer_id);
COMMENT ON TABLE public.bespoke_jobs IS
'Pieces made to order.
@match job_number';
COMMENT ON COLUMN public.bespoke_jobs.brief IS 'What the customer wishes, in their own words.';
COMMENT ON COLUMN public.bespoke_jobs.designer_user_id IS
'Who draws it.
@user';

CREATE TABLE public.bespoke_job_milestones (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id        uuid NOT NULL,
    bespoke_job_id   uuid NOT NULL,
    position         integer NOT NULL,
    title            varchar(255) NOT NULL,
    estimated_effort interval,
    due_on           date,
    done_at          timestamptz,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, bespoke_job_id, position),
    FOREIGN KEY (tenant_id, bespoke_job_id) REFERENCES public.bespoke_jobs (tenant_id, id) ON DELETE CASCADE
);
COMMENT ON TABLE public.bespoke_job_milestones IS
'What must be reached on the way to a finished piece.
@match bespoke_job_id, position';
COMMENT ON COLUMN public.bespoke_job_milestones.bespoke_job_id IS
'The job it belongs to.
@nested';
COMMENT ON COLUMN public.bespoke_job_milestones.position IS 'Place among the milestones, from 1.';

CREATE TABLE public.appraisals (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id    uuid NOT NULL,
    number       varchar(32) NOT NULL,
    customer_id  uuid NOT NULL,
    inventory_id uuid,
    description  text NOT NULL,
    valuation    numeric(14,2) NOT NULL,
    currency     public.currency_code NOT NULL DEFAULT 'EUR',
    signature    bytea,
    appraised_on date NOT NULL,
    valid_until  date,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, number),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES public.customers (tenant_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (tenant_id, inventory_id) REFERENCES public.inventory (tenant_id, id) ON DELETE SET NULL (inventory_id)
);
CREATE INDEX appraisals_customer_idx ON public.appraisals (tenant_id, customer_id);
COMMENT ON TABLE public.appraisals IS
'Written opinions of what a piece is worth.
@match number';
COMMENT ON COLUMN public.appraisals.signature IS 'The appraiser''s digital signature of the paper.';
COMMENT ON COLUMN public.appraisals.valid_until IS 'infinity: never runs out. Empty: not said.';

CREATE TABLE public.appointments (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id     uuid NOT NULL,
    reference     varchar(32) NOT NULL,
    customer_id   uuid,
    location_id   uuid,
    staff_user_id uuid,
    purpose       varchar(255) NOT NULL,
    status        varchar(32) NOT NULL DEFAULT 'booked' CHECK (status IN ('booked', 'kept', 'missed', 'cancelled')),
    starts_at     timestamptz NOT NULL,
    ends_at       timestamptz NOT NULL,
    during        tstzrange GENERATED ALWAYS AS (tstzrange(starts_at, ends_at, '[)')) STORED,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, reference),
    CHECK (starts_at < ends_at),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES public.customers (tenant_id, id) ON DELETE SET NULL (customer_id),
    FOREIGN KEY (tenant_id, location_id) REFERENCES public.locations (tenant_id, id) ON DELETE SET NULL (location_id),
    CONSTRAINT appointments_no_overlap EXCLUDE USING gist (
        public.uuid_range(tenant_id, tenant_id, '[]') WITH &&,
        public.uuid_range(staff_user_id, staff_user_id, '[]') WITH &&,
        during WITH &&
    ) WHERE (staff_user_id IS NOT NULL AND status <> 'cancelled')
);
CREATE INDEX appointments_customer_idx ON public.appointments (tenant_id, customer_id);
COMMENT ON TABLE public.appointments IS
'Visits agreed with customers. Nobody of the staff can be in two at once.
@match reference';
COMMENT ON COLUMN public.appointments.staff_user_id IS
'Who receives the customer.
@user';
COMMENT ON COLUMN public.appointments.during IS 'From starts_at until just before ends_at.';

CREATE TABLE public.passports (
    id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id          uuid NOT NULL,
    certificate_number varchar(64) NOT NULL,
    inventory_id       uuid NOT NULL,
    customer_id        uuid,
    issued_by          varchar(255) NOT NULL,
    issued_on          date NOT NULL,
    fingerprint        bytea NOT NULL,
    provenance         text[] NOT NULL DEFAULT '{}',
    is_public          boolean NOT NULL DEFAULT false,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, certificate_number),
    FOREIGN KEY (tenant_id, inventory_id) REFERENCES public.inventory (tenant_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (tenant_id, customer_id) REFERENCES public.customers (tenant_id, id) ON DELETE SET NULL (customer_id)
);
CREATE INDEX passports_inventory_idx ON public.passports (tenant_id, inventory_id);
COMMENT ON TABLE public.passports IS
'Certificates that go with a piece: what it is, and where it comes from.
@label Certificates
@match certificate_number';
COMMENT ON COLUMN public.passports.customer_id IS 'Who owns the piece now.';
COMMENT ON COLUMN public.passports.fingerprint IS 'SHA-256 of the printed certificate.';
COMMENT ON COLUMN public.passports.provenance IS 'Former owners and mines, the oldest first.';

-- +goose Down
DROP TABLE public.passports, public.appointments, public.appraisals, public.bespoke_job_milestones, public.bespoke_jobs,
    public.repair_stages, public.repairs;
DROP TYPE public.uuid_range, public.repair_status;
