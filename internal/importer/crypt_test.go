package importer

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/fieldcrypt"
)

func TestEncryptedColumnsAreSealedOnTheWayInAndMatched(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	const file = "name,email,phone\nAda, Ada@Example.com ,555 123\nBob,bob@example.com,\n"
	req := Request{Table: "customers", Match: []string{"email"}}
	first := h.run(t, h.upload(t, req, file))
	require.Equal(t, Completed, first.Status, first.Error)
	require.EqualValues(t, 2, first.NumCreated)
	var email, hash, phone []byte
	require.NoError(t, h.admin.QueryRow(ctx, `SELECT email, email_hash, phone FROM customers ORDER BY id LIMIT 1`).Scan(&email, &hash, &phone))
	require.NotContains(t, string(email), "xample.com")
	opened, err := h.cfg.Crypt.Open(nil, email, fieldcrypt.Column{Tenant: h.p.Tenant, Table: "public.customers", Column: "email"})
	require.NoError(t, err)
	require.Contains(t, string(opened), "Ada@Example.com")
	require.Len(t, hash, fieldcrypt.HashBytes)

	again := h.run(t, h.upload(t, req, file))
	require.EqualValues(t, 2, again.NumUnchanged, again.Error)
	changed := h.run(t, h.upload(t, req, "name,email,phone\nAda,ada@example.com,999\n"))
	require.EqualValues(t, 1, changed.NumUpdated)
	require.Equal(t, 2, h.count(t, `SELECT count(*) FROM customers`))
	require.Zero(t, h.count(t, `SELECT count(*) FROM wharf.imports WHERE errors::text LIKE '%xample.com%'`))
}

func TestEncryptedColumnsNeedKeys(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.cfg.Crypt = nil
	got := h.run(t, h.upload(t, Request{Table: "customers"}, "name,email\nAda,ada@example.com\n"))
	require.Equal(t, Failed, got.Status)
	require.Contains(t, *got.Error, "WHARF_FIELD_KEYS")
}
