package auth_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/auth"
	"wharf/internal/tenancy"
)

// importer adds an importer of the tenant.
func (o *office) importer(t *testing.T) uuid.UUID {
	t.Helper()
	id := uuid.New()
	o.exec(t, `INSERT INTO wharf.importers (id, tenant_id, key, name, definition) VALUES ($1, $2, gen_random_uuid(), 'Contacts', '{}')`, id, o.tenant)
	return id
}

func (o *office) embedToken(t *testing.T, importer uuid.UUID) (id uuid.UUID, token string) {
	t.Helper()
	err := tenancy.Tx(context.Background(), o.wall, tenancy.System(o.tenant), func(ctx context.Context, tx pgx.Tx) (err error) {
		var expires time.Time
		id, token, expires, err = auth.CreateEmbedToken(ctx, tx, auth.EmbedSpec{Tenant: o.tenant, Importer: importer, Name: "ada", TTL: time.Hour})
		require.WithinDuration(t, time.Now().Add(time.Hour), expires, time.Minute)
		return err
	})
	require.NoError(t, err)
	return id, token
}

func TestEmbedTokenIsBoundToItsImporter(t *testing.T) {
	t.Parallel()
	ctx, o := context.Background(), newOffice(t)
	importer := o.importer(t)
	id, token := o.embedToken(t, importer)
	p, err := o.keys.Authenticate(ctx, token)
	require.NoError(t, err)
	require.Equal(t, tenancy.Principal{
		Tenant: o.tenant, Actor: "embed:" + id.String(), Name: "ada", Role: tenancy.Member, Importer: &importer,
		Scopes: []tenancy.Permission{tenancy.ImportsRead, tenancy.ImportsWrite},
	}, p)
}

func TestEmbedTokenEndsWithItsTimeItsImporterOrByRevocation(t *testing.T) {
	t.Parallel()
	ctx, o := context.Background(), newOffice(t)
	for name, end := range map[string]func(importer, token uuid.UUID){
		"its time": func(_, token uuid.UUID) {
			o.exec(t, `UPDATE wharf.api_keys SET expires_at = now() WHERE id = $1`, token)
		},
		"its importer": func(importer, _ uuid.UUID) { o.exec(t, `DELETE FROM wharf.importers WHERE id = $1`, importer) },
		"revocation": func(importer, _ uuid.UUID) {
			err := tenancy.Tx(ctx, o.wall, tenancy.System(o.tenant), func(ctx context.Context, tx pgx.Tx) error {
				n, err := auth.RevokeEmbedTokens(ctx, tx, o.tenant, importer)
				require.EqualValues(t, 1, n)
				return err
			})
			require.NoError(t, err)
		},
	} {
		importer := o.importer(t)
		id, token := o.embedToken(t, importer)
		_, another := o.embedToken(t, o.importer(t))
		_, err := o.keys.Authenticate(ctx, token)
		require.NoError(t, err)
		end(importer, id)
		_, err = o.keys.Authenticate(ctx, token)
		require.ErrorIs(t, err, auth.ErrUnauthenticated, name)
		_, err = o.keys.Authenticate(ctx, another)
		require.NoError(t, err, name)
	}
}

func TestSweepRemovesExpiredEmbedTokensAndNoKeys(t *testing.T) {
	t.Parallel()
	ctx, o := context.Background(), newOffice(t)
	importer := o.importer(t)
	fresh, _ := o.embedToken(t, importer)
	old, _ := o.embedToken(t, importer)
	key, _ := o.key(t, nil)
	o.exec(t, `UPDATE wharf.api_keys SET expires_at = now() - interval '25 hours' WHERE id = ANY ($1)`, []uuid.UUID{old, key})
	n, err := o.keys.SweepEmbedTokens(ctx)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	var left []uuid.UUID
	require.NoError(t, o.admin.QueryRow(ctx, `SELECT array_agg(id) FROM wharf.api_keys`).Scan(&left))
	require.ElementsMatch(t, []uuid.UUID{fresh, key}, left)
}
