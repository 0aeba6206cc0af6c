package exporter

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/tenancy"
)

// TestAttemptIsRecordedBeforeTheFirstRead stops an export at the first row that it wants.
func TestAttemptIsRecordedBeforeTheFirstRead(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, threeTables).withStore(t)
	h.held(t, func() error {
		return h.service.Stream(context.Background(), tenancy.System(h.mine), func(string) io.Writer { return io.Discard })
	}, func(end func() error) {
		require.Equal(t, `export.stream started {"scope": "full", "format": "json"}`, h.audited(t))
		require.NoError(t, end())
	})
}

// held runs work until it stands still before its first row, and then does what is to happen meanwhile. end lets the work go
// on, and gives what comes of it.
func (h *house) held(t *testing.T, work func() error, meanwhile func(end func() error)) {
	t.Helper()
	tx, err := h.admin.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(context.Background()) }()
	_, err = tx.Exec(t.Context(), `LOCK TABLE people, pets, visits IN ACCESS EXCLUSIVE MODE`)
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- work() }()
	require.Eventually(t, func() bool {
		var waits int
		require.NoError(t, h.admin.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND usename = 'wharf_service' AND wait_event_type = 'Lock'`).Scan(&waits))
		return waits > 0
	}, soonEnough, tick)
	meanwhile(func() error {
		require.NoError(t, tx.Rollback(t.Context()))
		return <-ended
	})
}

// audited gives the newest entry of the audit log.
func (h *house) audited(t *testing.T) (entry string) {
	t.Helper()
	require.NoError(t, h.admin.QueryRow(t.Context(), `SELECT concat_ws(' ', action, outcome, scope) FROM wharf.audit_log ORDER BY id DESC LIMIT 1`).Scan(&entry))
	return entry
}

// TestNothingIsDoneThatCannotBeRecorded takes the log away.
func TestNothingIsDoneThatCannotBeRecorded(t *testing.T) {
	t.Parallel()
	ctx, h := context.Background(), emptyHouse(t, threeTables).withStore(t)
	p := tenancy.System(h.mine)
	done, failed := h.runOf(t, h.start(t, Request{}).ID), h.start(t, Request{})
	require.NoError(t, tenancy.Tx(ctx, h.service.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) error {
		return h.service.End(ctx, tx, h.mine, failed.ID, Failed, "x")
	}))
	h.exec(t, `REVOKE EXECUTE ON FUNCTION wharf.write_audit FROM wharf_service`)
	var out bytes.Buffer
	for name, attempt := range map[string]func() error{
		"a start":    func() error { _, err := h.service.Start(ctx, p, Input{}); return err },
		"a stream":   func() error { return h.service.Stream(ctx, p, func(string) io.Writer { return &out }) },
		"a download": func() error { _, err := h.service.Download(ctx, p, done.ID); return err },
		"a deletion": func() error { return h.service.Delete(ctx, p, done.ID) },
		"a retry": func() error {
			return tenancy.Tx(ctx, h.service.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) error {
				return h.service.Reopen(ctx, tx, h.mine, failed.ID, 2)
			})
		},
	} {
		require.ErrorContains(t, attempt(), "permission denied", name)
	}
	require.Zero(t, out.Len())
	h.object(t, done.ID)
	found, err := h.service.List(ctx, p, Filter{Limit: 9})
	require.NoError(t, err)
	require.Len(t, found, 2)
	require.Equal(t, Failed, found[0].Status)
}
