package exporter

import (
	"bytes"
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/dump"
	"wharf/internal/tenancy"
)

// restored merges a document into a tenant, and commits.
func (h *house) restored(t *testing.T, tenant uuid.UUID, doc []byte) (report dump.Report) {
	t.Helper()
	snap := h.snapshot(t)
	db := h.service.cfg.DB
	require.NoError(t, tenancy.Tx(t.Context(), db, tenancy.System(tenant), func(ctx context.Context, tx pgx.Tx) (err error) {
		report, err = dump.Restore(ctx, tx, dump.Spec{
			DB: db, Tenant: tenant, Catalog: snap, Crypt: h.ring, Prefix: "r" + uuid.NewString()[:8], Verify: true,
		}, dump.Document(bytes.NewReader(doc), dump.Limits{}))
		return err
	}))
	return report
}

// TestDumpIsReadAsItWasWritten takes the sample product's rows to a tenant that has none, and back to where they came from.
func TestDumpIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	doc, r := h.write(t, Request{Format: FormatDump, Include: []string{"timeline", "audit"}})

	home := h.restored(t, h.mine, doc)
	for table, rows := range r.tables {
		require.Equal(t, rows, home.Unchanged[table], table)
		require.Equal(t, dump.Verified{Equal: rows}, home.Verified[table], table)
	}

	there := h.restored(t, h.db.Tenant(t, "third"), doc)
	for table, rows := range r.tables {
		require.Equal(t, rows, there.Created[table], table)
	}
	for _, w := range there.Warnings { // what no document can hold, and nothing of how it was written
		require.Regexp(t, `without the bytes of their files$|^(webhook|integration) .* mint a new one via PATCH$|no natural key and (was|were) created`, w)
	}
}
