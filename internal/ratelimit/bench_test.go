package ratelimit_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/auth"
	"wharf/internal/ratelimit"
	"wharf/internal/tenancy"
	"wharf/internal/testenv"
)

// What the limit on requests adds to finding out who calls.
func BenchmarkAuthenticate(b *testing.B) {
	ctx, db := context.Background(), testenv.Wharf(b)
	pool, tenant := db.Service(b), db.Tenant(b, "a")
	wall := &tenancy.DB{Pool: pool, Wall: tenancy.Wall{Setting: "app.tenant_id"}}
	var key string
	require.NoError(b, tenancy.Tx(ctx, wall, tenancy.System(tenant), func(ctx context.Context, tx pgx.Tx) (err error) {
		_, key, err = auth.CreateKey(ctx, tx, auth.KeySpec{Tenant: tenant, Name: "x", Role: tenancy.Owner})
		return err
	}))
	keys, many := auth.NewKeys(pool), ratelimit.PerMinute(ratelimit.Requests, 1_000_000)
	b.Run("alone", func(b *testing.B) {
		for b.Loop() {
			_, err := keys.Authenticate(ctx, key)
			require.NoError(b, err)
		}
	})
	b.Run("with the limit", func(b *testing.B) {
		for b.Loop() {
			var v ratelimit.Verdict
			_, err := keys.Authenticate(ctx, key, func(batch *pgx.Batch, prefix string, hash []byte) {
				ratelimit.QueueRequest(batch, many, prefix, hash, func(got ratelimit.Verdict) { v = got })
			})
			require.NoError(b, err)
			require.True(b, v.Allowed)
		}
	})
	store := ratelimit.New(pool, wall, "wharf.tenants")
	b.Run("take", func(b *testing.B) {
		for b.Loop() {
			_, err := store.Take(ctx, many, ratelimit.OfTenant(tenant))
			require.NoError(b, err)
		}
	})
}
