package jobs

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func TestBackoffDoublesUpToItsCap(t *testing.T) {
	t.Parallel()
	q := Queue{RetryBase: time.Second, RetryCap: 5 * time.Second}
	for attempt, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 4: 5 * time.Second, 100: 5 * time.Second} {
		require.Equal(t, want, q.backoff(attempt, 0))
		require.Equal(t, want*9/10, q.backoff(attempt, 0.5))
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	nothing := func(context.Context, uuid.UUID, func(context.Context, pgx.Tx) error) error { return nil }
	good := Config{InTenant: nothing, Log: slog.New(slog.DiscardHandler), Now: time.Now} //nolint:forbidigo // not called
	require.NoError(t, good.validate())
	require.NoError(t, good.withDefaults().validate())
	require.Greater(t, good.withDefaults().rescueAfter(), good.withDefaults().Queues[KindImport].Timeout)
	bad := map[string]func(c *Config){
		"needs InTenant":        func(c *Config) { c.InTenant = nil },
		"no queue \"odd\"":      func(c *Config) { c.Queues = map[string]Queue{"odd": {}} },
		"finite timeout":        func(c *Config) { c.Queues = map[string]Queue{KindImport: {Timeout: -1}} },
		"outlast two heartbeat": func(c *Config) { c.Heartbeat, c.Lease = time.Second, time.Second },
	}
	for want, spoil := range bad {
		c := good
		spoil(&c)
		require.ErrorContains(t, c.validate(), want)
	}
}

func TestEveryKindButMaintenanceHasArguments(t *testing.T) {
	t.Parallel()
	for _, kind := range Kinds() {
		args, ok := argsOf(kind, target{Tenant: uuid.New(), ID: uuid.New()})
		require.Equal(t, kind != KindMaintenance, ok)
		if ok {
			require.Equal(t, kind, args.Kind())
		}
	}
}
