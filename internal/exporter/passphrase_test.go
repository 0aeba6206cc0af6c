package exporter

import (
	"bytes"
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/fieldcrypt"
	"wharf/internal/tenancy"
	"wharf/internal/testenv"
)

// kept is a database with exports that wait, and what their passphrases are.
type kept struct {
	db     *tenancy.DB
	tenant uuid.UUID
	ring   *fieldcrypt.Ring
}

func newKept(t *testing.T) *kept {
	t.Helper()
	db := testenv.Wharf(t)
	ring, err := fieldcrypt.New(testenv.FieldKeys)
	require.NoError(t, err)
	return &kept{
		db:     &tenancy.DB{Pool: db.Service(t), Wall: tenancy.Wall{Setting: "app.tenant_id"}},
		tenant: db.Tenant(t, "mine"), ring: ring,
	}
}

func (k *kept) tx(t *testing.T, fn func(ctx context.Context, tx pgx.Tx) error) error {
	t.Helper()
	return tenancy.Tx(context.Background(), k.db, tenancy.System(k.tenant), fn)
}

// start writes a pending export with a passphrase.
func (k *kept) start(t *testing.T, passphrase string) uuid.UUID {
	t.Helper()
	id := uuid.Must(uuid.NewV7())
	require.NoError(t, k.tx(t, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, insertExport, id, k.tenant, []byte(`{}`), "tester", nil); err != nil {
			return err
		}
		return keepPassphrase(ctx, tx, k.ring, k.tenant, id, passphrase)
	}))
	return id
}

func (k *kept) recall(t *testing.T, id uuid.UUID) (passphrase string, err error) {
	t.Helper()
	err = k.tx(t, func(ctx context.Context, tx pgx.Tx) (err error) {
		passphrase, err = recallPassphrase(ctx, tx, k.ring, k.tenant, id)
		return err
	})
	return passphrase, err
}

func TestPassphraseWaitsSealedUntilTheExportEnds(t *testing.T) {
	t.Parallel()
	k := newKept(t)
	for _, end := range []string{Completed, Failed, Cancelled, Expired} {
		id := k.start(t, "planted-secret "+end)
		for range 2 { // a job may run twice
			got, err := k.recall(t, id)
			require.NoError(t, err)
			require.Equal(t, "planted-secret "+end, got)
		}
		require.NoError(t, k.tx(t, func(ctx context.Context, tx pgx.Tx) error {
			var whole string
			require.NoError(t, tx.QueryRow(ctx, `SELECT e::text FROM wharf.exports e WHERE id = $1`, id).Scan(&whole))
			require.NotContains(t, whole, "planted-secret")
			_, err := tx.Exec(ctx, `UPDATE wharf.exports SET status = $2 WHERE id = $1`, id, end)
			return err
		}))
		_, err := k.recall(t, id)
		require.ErrorIs(t, err, ErrPassphraseForgotten, end)
		require.ErrorIs(t, k.tx(t, func(ctx context.Context, tx pgx.Tx) error {
			return keepPassphrase(ctx, tx, k.ring, k.tenant, id, "another")
		}), ErrNotFound, "an export that ended takes none")
	}
}

func TestPassphraseOpensForItsOwnExportAlone(t *testing.T) {
	t.Parallel()
	k := newKept(t)
	one, two := k.start(t, "the passphrase of one"), k.start(t, "the passphrase of two")
	require.NoError(t, k.tx(t, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE wharf.exports SET sealed_passphrase = (SELECT sealed_passphrase FROM wharf.exports WHERE id = $1) WHERE id = $2`, one, two)
		return err
	}))
	_, err := k.recall(t, two)
	require.ErrorIs(t, err, fieldcrypt.ErrOpen)
}

func TestPassphraseIsNotTakenWithoutKeys(t *testing.T) {
	t.Parallel()
	k := newKept(t)
	k.ring = nil
	err := k.tx(t, func(ctx context.Context, tx pgx.Tx) error {
		return keepPassphrase(ctx, tx, nil, k.tenant, uuid.New(), "planted-secret")
	})
	require.ErrorIs(t, err, ErrNoPassphraseKeys)
	require.NotContains(t, err.Error(), "planted-secret")
	require.False(t, bytes.Contains([]byte(ErrPassphraseForgotten.Message), []byte("%")))
}
