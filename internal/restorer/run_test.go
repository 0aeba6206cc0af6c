package restorer

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/objectstore"
)

var errEnd = errors.New("the job's end could not be written")

func TestRowsAndTheJobsEndCommitTogether(t *testing.T) {
	t.Parallel()
	ctx, h := context.Background(), newHouse(t)
	for _, dry := range []bool{true, false} {
		r := h.start(t, document(3), Request{DryRun: dry})
		err := h.Run(ctx, h.p.Tenant, r.ID, func(context.Context, pgx.Tx) error { return errEnd })
		require.ErrorIs(t, err, errEnd)
		require.Zero(t, h.companies(t))
		now := h.shown(t, r.ID)
		require.Equal(t, Processing, now.Status)
		require.Nil(t, now.Report)
		require.Zero(t, scan[int](t, h, `SELECT count(*) FROM pg_tables WHERE schemaname = 'wharf_staging'`))
		require.Equal(t, Completed, h.run(t, r.ID).Status, "and again, from the stored file")
	}
	require.Equal(t, 3, h.companies(t))
	require.Zero(t, scan[int](t, h, `SELECT count(*) FROM wharf.audit_log WHERE outcome = 'failed'`))
}

func TestDryRunKeepsItsReportAndNoRow(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	dry := h.run(t, h.start(t, document(3), Request{DryRun: true}).ID)
	require.Equal(t, Completed, dry.Status)
	require.Zero(t, h.companies(t))
	wet := h.run(t, h.start(t, document(3), Request{}).ID)
	require.Equal(t, 3, h.companies(t))
	require.Equal(t, wet.Report, dry.Report)
	require.EqualValues(t, 3, dry.Report.Created["companies"])
}

func TestRunOfARestoreThatHasEndedOnlyEndsItsJob(t *testing.T) {
	t.Parallel()
	ctx, h := context.Background(), newHouse(t)
	r := h.start(t, document(3), Request{})
	require.NoError(t, h.end(r.ID, Cancelled, "cancelled"))
	ended := 0
	require.NoError(t, h.Run(ctx, h.p.Tenant, r.ID, func(context.Context, pgx.Tx) error { ended++; return nil }))
	require.Equal(t, 1, ended)
	require.Zero(t, h.companies(t))
}

func TestRestoreThatWasEndedMeanwhileWritesNothing(t *testing.T) {
	t.Parallel()
	ctx, h := context.Background(), newHouse(t)
	r := h.start(t, document(3), Request{})
	lock, err := h.admin.Begin(ctx)
	require.NoError(t, err)
	_, err = lock.Exec(ctx, `LOCK TABLE companies IN ACCESS EXCLUSIVE MODE`)
	require.NoError(t, err)
	came := make(chan error, 1)
	go func() { came <- h.Run(ctx, h.p.Tenant, r.ID, done) }()
	h.waits(t, 1)
	require.NoError(t, h.end(r.ID, Cancelled, "cancelled"))
	require.NoError(t, lock.Rollback(ctx))
	require.Equal(t, fault.Conflict, fault.CodeOf(<-came))
	require.Zero(t, h.companies(t))
	require.Equal(t, Cancelled, h.shown(t, r.ID).Status)
}

// waits polls until so many statements wait for a lock.
func (h *house) waits(t *testing.T, n int) {
	t.Helper()
	require.Eventually(t, func() bool {
		return scan[int](t, h, `SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) >= n
	}, 20*time.Second, 10*time.Millisecond)
}

// Both documents bring the same new rows: the second finds those of the first.
func TestTwoRestoresIntoATenantTakeTurns(t *testing.T) {
	t.Parallel()
	ctx, h := context.Background(), newHouse(t)
	held := make(chan struct{})
	reached := make(chan struct{})
	first, second := h.start(t, document(200), Request{}), h.start(t, document(300), Request{})
	came := make(chan error, 2)
	go func() {
		came <- h.Run(ctx, h.p.Tenant, first.ID, func(context.Context, pgx.Tx) error { close(reached); <-held; return nil })
	}()
	<-reached
	go func() { came <- h.Run(ctx, h.p.Tenant, second.ID, done) }()
	h.waits(t, 1)
	close(held)
	require.NoError(t, <-came)
	require.NoError(t, <-came)
	require.Equal(t, 300, h.companies(t))
	require.EqualValues(t, 200, h.shown(t, first.ID).Report.Created["companies"])
	report := h.shown(t, second.ID).Report
	require.EqualValues(t, []int64{100, 200}, []int64{report.Created["companies"], report.Unchanged["companies"]})
}

func TestWebhookIsToldInTheTransactionOfWhatItIsTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ask := Request{WebhookURL: "https://example.com"}
	good, bad := h.start(t, document(2), ask), h.start(t, "[]", ask)
	require.Equal(t, "whsec_x", good.WebhookSecret)
	h.run(t, good.ID)
	require.Equal(t, Failed, h.run(t, bad.ID).Status)
	h.run(t, h.start(t, document(2), Request{}).ID)
	var told []string
	for _, e := range h.hooks.sent {
		var m message
		require.NoError(t, json.Unmarshal(e.Payload, &m))
		require.Equal(t, e.Restore, m.RestoreID)
		told = append(told, m.Event+" "+m.Status)
		require.Equal(t, m.Event == "restore.completed", m.Report != nil)
		require.Equal(t, m.Event == "restore.failed", m.Error != nil)
	}
	require.Equal(t, []string{"restore.started processing", "restore.completed completed", "restore.started processing", "restore.failed failed"}, told)
}

func TestFilesOfABundleAreTheTenantsOnceTheirRowsAre(t *testing.T) {
	t.Parallel()
	ctx, h := context.Background(), newHouse(t)
	file := bundle(t, "the bytes")
	dry := h.run(t, h.start(t, file, Request{DryRun: true}).ID)
	require.Equal(t, Completed, dry.Status, dry.Error)
	require.Empty(t, h.objects(t, kindRestored), "a dry run takes its objects back")

	r := h.start(t, file, Request{})
	require.ErrorIs(t, h.Run(ctx, h.p.Tenant, r.ID, func(context.Context, pgx.Tx) error {
		require.Len(t, h.objects(t, kindRestored), 1)
		return errEnd
	}), errEnd)
	require.Empty(t, h.objects(t, kindRestored), "what was rolled back has no objects")

	got := h.run(t, r.ID)
	require.Equal(t, Completed, got.Status, got.Error)
	require.Equal(t, []string{scan[string](t, h, `SELECT storage_key FROM files WHERE tenant_id = $1`, h.p.Tenant)}, h.objects(t, kindRestored))
	require.Zero(t, scan[int](t, h, `SELECT sum(cardinality(loose)) FROM wharf.restores`))
	require.NoError(t, h.clear(ctx, h.p.Tenant, r.ID, h.objects(t, kindRestored)[0][:len(newPrefix(h.p.Tenant))]))
	require.Len(t, h.objects(t, kindRestored), 1, "they are not loose any more, whatever the run was told of its commit")
}

func TestStoredFileThatIsGoneIsSaid(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := h.start(t, document(1), Request{})
	for _, key := range h.objects(t, kindUpload) {
		require.NoError(t, h.cfg.Objects.Delete(context.Background(), key))
	}
	got := h.run(t, r.ID)
	require.Equal(t, Failed, got.Status)
	require.Contains(t, *got.Error, "send it again")
}

func TestProgressIsTold(t *testing.T) {
	t.Parallel()
	ctx, h := context.Background(), newHouse(t)
	r := h.start(t, document(50), Request{})
	lock, err := h.admin.Begin(ctx)
	require.NoError(t, err)
	_, err = lock.Exec(ctx, `LOCK TABLE companies IN ACCESS EXCLUSIVE MODE`)
	require.NoError(t, err)
	came := make(chan error, 1)
	go func() { came <- h.Run(ctx, h.p.Tenant, r.ID, done) }()
	require.Eventually(t, func() bool {
		p := h.shown(t, r.ID).Progress
		return p.BytesRead == p.BytesTotal && p.BytesTotal > 0 && p.Percent >= mergingShare && p.Percent < 100 && p.Phase != ""
	}, 20*time.Second, 10*time.Millisecond)
	require.NoError(t, lock.Rollback(ctx))
	require.NoError(t, <-came)
	require.EqualValues(t, 100, h.shown(t, r.ID).Progress.Percent)
}

func TestDocumentsOfRequestsAreBoundInNumberAndTime(t *testing.T) {
	t.Parallel()
	ctx, h := context.Background(), newHouse(t)
	body := `{"doc": ` + document(1) + `}`
	h.direct <- struct{}{}
	_, err := h.Merge(ctx, h.p, text(body))
	require.Equal(t, fault.RateLimited, fault.CodeOf(err))
	<-h.direct
	h.cfg.DirectTime = time.Nanosecond
	_, err = h.Merge(ctx, h.p, text(body))
	require.Equal(t, fault.TooLarge, fault.CodeOf(err))
	require.ErrorContains(t, err, WayOut)
	h.cfg.DirectTime = time.Minute
	merged, err := h.Merge(ctx, h.p, text(body))
	require.NoError(t, err)
	require.EqualValues(t, 1, merged.Created["companies"])
	require.Equal(t, "started failed started failed started done", scan[string](t, h, `SELECT string_agg(outcome, ' ' ORDER BY id) FROM wharf.audit_log`))
}

func TestRemoteIsReadAsItIsWithFewRequests(t *testing.T) {
	t.Parallel()
	ctx, h := context.Background(), newHouse(t)
	content := make([]byte, 3<<20)
	for i := range content {
		content[i] = byte(i * 7 >> 3)
	}
	o, err := h.cfg.Objects.Put(ctx, objectstore.Key(h.p.Tenant, kindUpload, "x"), "", text(string(content)))
	require.NoError(t, err)
	var read atomic.Int64
	r := newRemote(ctx, Archive{Store: h.cfg.Objects, Key: o.Key, Bytes: o.Bytes}, &read)
	got := make([]byte, 1000)
	for _, off := range []int64{int64(len(content)) - 1000, 0, 1_000_000, 1_000_500, 1_065_000, 64 << 10, 64<<10 - 1} {
		n, err := r.ReadAt(got, off)
		require.NoError(t, err)
		require.Equal(t, content[off:off+1000], got[:n])
	}
	n, err := r.ReadAt(got, int64(len(content))-10)
	require.ErrorContains(t, err, "EOF")
	require.Equal(t, content[len(content)-10:], got[:n])

	whole := newRemote(ctx, r.a, &read)
	read.Store(0)
	for off := 0; off < len(content); off += 4096 {
		_, err := whole.ReadAt(got[:1], int64(off))
		require.NoError(t, err)
	}
	require.EqualValues(t, len(content), read.Load(), "no byte twice")
	require.LessOrEqual(t, cap(whole.buf), mostAhead)
	_, err = newRemote(ctx, Archive{Store: h.cfg.Objects, Key: uuid.NewString(), Bytes: 10}, &read).ReadAt(got, 0)
	require.ErrorIs(t, err, errGone)
}
