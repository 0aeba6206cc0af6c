-- Tables of the installation itself. They have no tenant and refer to none: no export may ever hold them.

-- +goose Up
CREATE TABLE public.feature_flags (
    name        varchar(64) PRIMARY KEY,
    enabled     boolean NOT NULL DEFAULT false,
    rollout     numeric(5,2) NOT NULL DEFAULT 0,
    description text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.feature_flags IS 'Switches of the whole installation.';
COMMENT ON COLUMN public.feature_flags.rollout IS 'Share of workspaces that have it, in percent.';

CREATE TABLE public.platform_integrations (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    provider   varchar(64) NOT NULL UNIQUE,
    api_key    text NOT NULL,
    settings   jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.platform_integrations IS 'The installation''s own accounts with other services.';

-- +goose Down
DROP TABLE public.platform_integrations, public.feature_flags;
