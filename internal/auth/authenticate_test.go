package auth_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wharf/internal/auth"
	"wharf/internal/fault"
	"wharf/internal/pg"
	"wharf/internal/tenancy"
)

func TestKeyGivesItsPrincipal(t *testing.T) {
	t.Parallel()
	ctx, o := context.Background(), newOffice(t)
	id, key := o.key(t, func(s *auth.KeySpec) {
		s.Role, s.Scopes = tenancy.Manager, []tenancy.Permission{tenancy.ImportsWrite, tenancy.ExportsRead}
	})
	p, err := o.keys.Authenticate(ctx, key)
	require.NoError(t, err)
	require.Equal(t, tenancy.Principal{
		Tenant: o.tenant, Actor: "key:" + id.String(), Name: "nightly import", Role: tenancy.Manager,
		Scopes: []tenancy.Permission{tenancy.ImportsWrite, tenancy.ExportsRead},
	}, p)

	id, key = o.operatorKey(t)
	p, err = o.keys.Authenticate(ctx, key)
	require.NoError(t, err)
	require.Equal(t, tenancy.Principal{Actor: "key:" + id.String(), Name: "on call", Operator: true}, p)
}

func TestWhatIsNoGoodKeyIsUnauthenticated(t *testing.T) {
	t.Parallel()
	ctx, o := context.Background(), newOffice(t)
	_, good := o.key(t, nil)
	_, other := o.key(t, nil)
	unknown, _, _ := auth.NewKey()
	past := time.Now().Add(-time.Second)
	_, expired := o.key(t, func(s *auth.KeySpec) { s.Expires = &past })
	revokedID, revoked := o.key(t, nil)
	o.exec(t, `UPDATE wharf.api_keys SET revoked_at = now() WHERE id = $1`, revokedID)
	deletedID, deleted := o.key(t, nil)
	o.exec(t, `DELETE FROM wharf.api_keys WHERE id = $1`, deletedID)
	for name, key := range map[string]string{
		"unknown": unknown, "expired": expired, "revoked": revoked, "deleted": deleted,
		"another's secret": good[:17] + other[17:],
		"one letter off":   good[:len(good)-2] + strings.Repeat("A", 2),
		"upper case":       strings.ToUpper(good[:17]) + good[17:],
		"longer":           good + "A",
		"prefix alone":     good[:17],
	} {
		p, err := o.keys.Authenticate(ctx, key)
		require.ErrorIs(t, err, auth.ErrUnauthenticated, name)
		require.Zero(t, p, name)
		require.NotContains(t, err.Error(), key[:16], name)
	}
	for _, key := range []string{good, other} {
		_, err := o.keys.Authenticate(ctx, key)
		require.NoError(t, err)
	}
}

func TestKeyIsGoodUntilItExpires(t *testing.T) {
	t.Parallel()
	ctx, o := context.Background(), newOffice(t)
	soon := time.Now().Add(time.Hour)
	id, key := o.key(t, func(s *auth.KeySpec) { s.Expires = &soon })
	_, err := o.keys.Authenticate(ctx, key)
	require.NoError(t, err)
	o.exec(t, `UPDATE wharf.api_keys SET expires_at = now() WHERE id = $1`, id)
	_, err = o.keys.Authenticate(ctx, key)
	require.ErrorIs(t, err, auth.ErrUnauthenticated)
}

// No query: the pool is closed. Bytes that are no text must not reach Postgres either, which would answer with an error.
func TestWhatCannotBeAKeyCostsNoQuery(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.pool.Close()
	for _, key := range []string{
		"", "whf_", "whf__", "secret", "eyJhbGciOiJIUzI1NiJ9.e30.x", "whf_" + strings.Repeat("\xff", 12) + "_" + strings.Repeat("a", 43),
		"whf_" + strings.Repeat("\x00", 12) + "_" + strings.Repeat("a", 43), "whf_0123456789ab_short", "WHF_0123456789ab_" + strings.Repeat("a", 43),
		"whf_0123456789ag_" + strings.Repeat("a", 43), "whf_0123456789abcd_" + strings.Repeat("a", 43),
	} {
		_, err := o.keys.Authenticate(context.Background(), key)
		require.ErrorIs(t, err, auth.ErrUnauthenticated, "%q", key)
	}
}

func TestDatabaseThatIsAwayIsNoVerdictOnTheKey(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	pool, err := pg.Open(ctx, pg.Config{URL: "postgres://x@127.0.0.1:1/x", ConnTimeout: time.Second})
	require.NoError(t, err)
	defer pool.Close()
	key, prefix, _ := auth.NewKey()
	_, err = auth.NewKeys(pool).Authenticate(ctx, key)
	require.Equal(t, fault.Unavailable, fault.CodeOf(err), "%v", err)
	require.NotContains(t, err.Error(), prefix)
	require.NotContains(t, err.Error(), key[17:])
}

func TestUseIsNotedAtMostOnceAMinute(t *testing.T) {
	t.Parallel()
	ctx, o := context.Background(), newOffice(t)
	id, key := o.key(t, nil)
	use := func() *time.Time {
		_, err := o.keys.Authenticate(ctx, key)
		require.NoError(t, err)
		return o.lastUsed(t, id)
	}
	require.Nil(t, o.lastUsed(t, id))
	first := use()
	require.NotNil(t, first)
	require.Equal(t, first, use(), "used again at once: not noted")

	o.exec(t, `UPDATE wharf.api_keys SET last_used_at = now() - interval '55 seconds' WHERE id = $1`, id)
	almost := o.lastUsed(t, id)
	require.Equal(t, almost, use(), "within the minute: not noted")

	o.exec(t, `UPDATE wharf.api_keys SET last_used_at = now() - interval '61 seconds' WHERE id = $1`, id)
	require.True(t, use().After(*almost), "after a minute: noted")

	o.exec(t, `UPDATE wharf.api_keys SET last_used_at = NULL WHERE id = $1`, id)
	_, err := o.keys.Authenticate(ctx, key[:17]+strings.Repeat("A", 43))
	require.ErrorIs(t, err, auth.ErrUnauthenticated)
	require.Nil(t, o.lastUsed(t, id), "a wrong secret is no use of the key")
}

// That the comparison takes the same time cannot be measured here, but that it is the one made for it can be read.
func TestHashesAreComparedInConstantTime(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "authenticate.go", nil, 0)
	require.NoError(t, err)
	var constantTime int
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if n.Sel.Name == "ConstantTimeCompare" {
				constantTime++
			}
			require.NotContains(t, []string{"Equal", "Compare"}, n.Sel.Name)
		case *ast.BinaryExpr:
			for _, side := range []ast.Expr{n.X, n.Y} {
				if s, ok := side.(*ast.SelectorExpr); ok {
					require.NotEqual(t, "Hash", s.Sel.Name, "compared by %s", n.Op)
				}
			}
		}
		return true
	})
	require.Equal(t, 1, constantTime)
}
