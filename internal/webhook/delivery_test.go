package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/tenancy"
	"wharf/internal/webhook"
)

func TestADeliveryIsWrittenWithItsCauseOrNotAtAll(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false)
	failed := errors.New("the merge failed")
	enqueue := func(payload string) error {
		return tenancy.Tx(context.Background(), d.wall, tenancy.System(d.a), func(ctx context.Context, tx pgx.Tx) error {
			err := d.Enqueue(ctx, tx, webhook.News{
				Tenant: d.a, Owner: d.owner, Event: "e", URL: "https://example.com", Payload: json.RawMessage(payload),
			})
			return errors.Join(err, failed)
		})
	}
	require.ErrorIs(t, enqueue(`{}`), failed)
	require.Equal(t, fault.TooLarge, fault.CodeOf(enqueue(`"`+strings.Repeat("x", webhook.MaxPayload-1)+`"`)))
	require.ErrorContains(t, enqueue(`{"half":`), "no JSON")
	for _, table := range []string{"wharf.deliveries", "wharf.webhooks", "river.river_job"} {
		var n int
		require.NoError(t, d.admin.QueryRow(context.Background(), "SELECT count(*) FROM "+table).Scan(&n))
		require.Zero(t, n, table)
	}
}

func TestTheLargestPayloadFits(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false)
	d.in(t, d.a, func(ctx context.Context, tx pgx.Tx) error {
		return d.Enqueue(ctx, tx, webhook.News{
			Tenant: d.a, Owner: d.owner, Event: "e", URL: "https://example.com",
			Payload: json.RawMessage(`"` + strings.Repeat("x", webhook.MaxPayload-2) + `"`),
		})
	})
}

func TestTheLogIsReadPageByPageAndByFilter(t *testing.T) {
	t.Parallel()
	ctx, d := context.Background(), newDesk(t, false)
	var ids []uuid.UUID
	for range 5 {
		ids = append(ids, d.send(t, "https://u:hunter2@example.com/"))
	}
	d.owner.ID = uuid.New()
	other := d.send(t, "https://example.com/")
	d.exec(t, `UPDATE wharf.deliveries SET state = 'failed', event = 'import.failed' WHERE id = $1`, ids[1])

	var all []uuid.UUID
	var after *uuid.UUID
	for {
		page, err := d.List(ctx, tenancy.System(d.a), webhook.Filter{Limit: 4, After: after})
		require.NoError(t, err)
		if len(page) == 0 {
			break
		}
		for _, one := range page {
			require.Nil(t, one.Payload, "a page stays small")
			require.NotContains(t, one.URL, "hunter2")
			all = append(all, one.ID)
		}
		after = &page[len(page)-1].ID
	}
	require.Equal(t, []uuid.UUID{other, ids[4], ids[3], ids[2], ids[1], ids[0]}, all, "newest first, each once")

	for what, c := range map[string]struct {
		filter webhook.Filter
		want   []uuid.UUID
	}{
		"owner": {webhook.Filter{Owner: &d.owner}, []uuid.UUID{other}},
		"state": {webhook.Filter{State: webhook.Failed}, []uuid.UUID{ids[1]}},
		"event": {webhook.Filter{Event: "import.failed"}, []uuid.UUID{ids[1]}},
		"none":  {webhook.Filter{Event: "import.failed", State: webhook.Pending}, nil},
	} {
		c.filter.Limit = 10
		page, err := d.List(ctx, tenancy.System(d.a), c.filter)
		require.NoError(t, err)
		var got []uuid.UUID
		for _, one := range page {
			got = append(got, one.ID)
		}
		require.Equal(t, c.want, got, what)
	}
	require.Equal(t, payload, string(d.show(t, other).Payload))
}

func TestADeliveryThatEndedCanBeSentOnceMore(t *testing.T) {
	t.Parallel()
	ctx, d := context.Background(), newDesk(t, true)
	rc := newReceiver(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n <= 3 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	id := d.send(t, rc.URL)
	d.await(t, id, webhook.Failed)
	for i := range 2 { // a failed one, then a delivered one
		again, err := d.Redeliver(ctx, tenancy.System(d.a), id)
		require.NoError(t, err)
		require.Equal(t, webhook.Pending, again.State)
		require.Zero(t, again.Attempts)
		require.Nil(t, again.LastError)
		require.Equal(t, 1, d.await(t, id, webhook.Delivered).Attempts)
		posts := rc.got()
		require.Len(t, posts, 4+i)
		require.Equal(t, id.String(), posts[3+i].header.Get("webhook-id"), "the receiver can tell that it knows it")
	}
}

func TestADeliveryOnItsWayIsNotSentBeside(t *testing.T) {
	t.Parallel()
	ctx, d := context.Background(), newDesk(t, false)
	id := d.send(t, "https://example.com/")
	_, err := d.Redeliver(ctx, tenancy.System(d.a), id)
	require.Equal(t, fault.Conflict, fault.CodeOf(err))
	_, err = d.Redeliver(ctx, tenancy.System(d.a), uuid.New())
	require.ErrorIs(t, err, webhook.ErrNotFound)
}

func TestOldDeliveriesAreForgottenUnlessTheyAreOnTheirWay(t *testing.T) {
	t.Parallel()
	ctx, d := context.Background(), newDesk(t, false)
	d.send(t, "https://example.com/")
	const copies = `INSERT INTO wharf.deliveries (id, tenant_id, owner_kind, owner_id, event, url, payload, state, job_id, created_at)
		SELECT gen_random_uuid(), $1, 'importer', gen_random_uuid(), 'e', 'https://x', '{}', $2, 1, now() - make_interval(days => $3)
		FROM generate_series(1, $4)`
	d.exec(t, copies, d.a, "delivered", 31, 1500)
	d.exec(t, copies, d.b, "failed", 31, 10)
	d.exec(t, copies, d.b, "delivered", 29, 3)
	d.exec(t, copies, d.b, "pending", 90, 2)
	require.NoError(t, d.Sweep(ctx))
	var left int
	require.NoError(t, d.admin.QueryRow(ctx, `SELECT count(*) FROM wharf.deliveries`).Scan(&left))
	require.Equal(t, 1+3+2, left)
	require.NoError(t, d.Sweep(ctx), "again, with nothing to do")
}
