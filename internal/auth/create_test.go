package auth_test

import (
	"context"
	"encoding/hex"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/auth"
	"wharf/internal/fault"
	"wharf/internal/tenancy"
)

// Everything that Wharf stores is searched, as text and as bytes.
func TestDatabaseHoldsTheHashAndNothingOfTheSecret(t *testing.T) {
	t.Parallel()
	ctx, o := context.Background(), newOffice(t)
	_, key := o.key(t, nil)
	_, operators := o.operatorKey(t)
	for _, k := range []string{key, operators} {
		_, err := o.keys.Authenticate(ctx, k)
		require.NoError(t, err)
	}
	var dump string
	require.NoError(t, o.admin.QueryRow(ctx, `SELECT string_agg(query_to_xml('SELECT * FROM ' || oid::regclass, true, true, '')::text, '')
		FROM pg_class WHERE relnamespace IN ('wharf'::regnamespace, 'river'::regnamespace) AND relkind = 'r'`).Scan(&dump))
	require.Contains(t, dump, key[4:16], "the dump holds the prefix: it is complete")
	for _, k := range []string{key, operators} {
		secret := k[17:]
		require.NotContains(t, dump, secret)
		require.NotContains(t, dump, secret[:20])
		require.NotContains(t, dump, hex.EncodeToString([]byte(secret)))
	}
}

func TestKeyOfAnotherTenantCannotBeMade(t *testing.T) {
	t.Parallel()
	ctx, o := context.Background(), newOffice(t)
	other := o.db.Tenant(t, "other")
	for name, spec := range map[string]auth.KeySpec{
		"another tenant's": {Tenant: other, Name: "x", Role: tenancy.Owner},
		"an operator's":    {Name: "x"},
	} {
		err := tenancy.Tx(ctx, o.wall, tenancy.System(o.tenant), func(ctx context.Context, tx pgx.Tx) error {
			_, _, err := auth.CreateKey(ctx, tx, spec)
			return err
		})
		require.ErrorContains(t, err, "row-level security", name)
	}
}

func TestSpecThatCannotBeNamesEveryWrongPlace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spec   auth.KeySpec
		fields []string
	}{
		"nothing of a tenant's":   {auth.KeySpec{Tenant: uuid.New()}, []string{"name", "role"}},
		"a role there is not":     {auth.KeySpec{Tenant: uuid.New(), Name: " x", Role: "root"}, []string{"role"}},
		"a scope there is not":    {auth.KeySpec{Tenant: uuid.New(), Name: "x", Role: "owner", Scopes: []tenancy.Permission{"data:read", "all"}}, []string{"scopes[1]"}},
		"the operators' scope":    {auth.KeySpec{Tenant: uuid.New(), Name: "x", Role: "owner", Scopes: []tenancy.Permission{"ops"}}, []string{"scopes[0]"}},
		"an operator with a role": {auth.KeySpec{Name: "x", Role: "owner", Scopes: []tenancy.Permission{"data:read"}}, []string{"role", "scopes[0]"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, key, err := auth.CreateKey(context.Background(), nil, c.spec) // refused before the transaction is touched
			require.Empty(t, key)
			coded, ok := fault.As(err)
			require.True(t, ok)
			require.Equal(t, fault.Invalid, coded.Code)
			var fields []string
			for _, f := range coded.Fields {
				fields = append(fields, f.Field)
			}
			require.Equal(t, c.fields, fields)
		})
	}
}
