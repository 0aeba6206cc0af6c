package webhook_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/jobs"
	"wharf/internal/tenancy"
	"wharf/internal/webhook"
)

func TestADeliveryReachesItsReceiverSignedAndUnchanged(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true)
	rc := newReceiver(t, func(_ int, w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("thanks\x00\xff")) })
	secret := d.secret(t)
	id := d.send(t, rc.URL+"/hook?x=1")
	got := d.await(t, id, webhook.Delivered)

	posts := rc.got()
	require.Len(t, posts, 1)
	require.Equal(t, payload, posts[0].body, "byte for byte")
	require.Equal(t, id.String(), posts[0].header.Get("webhook-id"))
	require.Equal(t, "application/json", posts[0].header.Get("Content-Type"))
	require.Equal(t, "Wharf/1.2.3", posts[0].header.Get("User-Agent"))
	verifier, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	require.NoError(t, verifier.Verify([]byte(posts[0].body), posts[0].header))
	require.Error(t, verifier.Verify([]byte(strings.Replace(payload, "3", "4", 1)), posts[0].header))

	require.Equal(t, 1, got.Attempts)
	require.Equal(t, http.StatusOK, *got.LastStatus)
	require.Equal(t, "thanks�", *got.ResponseExcerpt, "fit for the database")
	require.Nil(t, got.LastError)
	require.NotNil(t, got.DeliveredAt)
	require.Nil(t, got.NextAttemptAt)
}

func TestAReceiverThatWasAwaySeesTheSameMessageAgain(t *testing.T) {
	t.Parallel()
	var seconds atomic.Int64
	d := newDesk(t, true, func(c *webhook.Config) {
		c.Now = func() time.Time { return time.Unix(seconds.Add(60), 0) }
	})
	rc := newReceiver(t, func(n int, w http.ResponseWriter, r *http.Request) {
		switch n {
		case 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			panic(http.ErrAbortHandler) // the connection breaks
		default:
			ok(n, w, r)
		}
	})
	secret := d.secret(t)
	id := d.send(t, rc.URL)
	require.Equal(t, 3, d.await(t, id, webhook.Delivered).Attempts)

	verifier, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	stamps := map[string]bool{}
	for _, p := range rc.got() {
		require.Equal(t, id.String(), p.header.Get("webhook-id"))
		require.Equal(t, payload, p.body)
		require.NoError(t, verifier.VerifyIgnoringTimestamp([]byte(p.body), p.header))
		stamps[p.header.Get("webhook-timestamp")+p.header.Get("webhook-signature")] = true
	}
	require.Len(t, stamps, 3, "each attempt is stamped and signed anew")
}

func TestTheLastAttemptFailsTheDeliveryInWords(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true)
	rc := newReceiver(t, always(http.StatusInternalServerError))
	id := d.send(t, rc.URL)
	got := d.await(t, id, webhook.Failed)
	require.Len(t, rc.got(), 3)
	require.Equal(t, 3, got.Attempts)
	require.Equal(t, "the receiver answered 500", *got.LastError)
	require.Equal(t, 500, *got.LastStatus)
	require.Nil(t, got.NextAttemptAt)
}

func TestGoneEndsADeliveryAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true)
	rc := newReceiver(t, always(http.StatusGone))
	id := d.send(t, rc.URL)
	got := d.await(t, id, webhook.Failed)
	require.Len(t, rc.got(), 1)
	require.Contains(t, *got.LastError, "410 Gone")
}

func TestAWorkerThatDiesBeforeItRecordsSendsTheSameIDAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false)
	rc := newReceiver(t, ok)
	id := d.send(t, rc.URL)
	died := errors.New("killed")
	err := d.Run(context.Background(), d.a, id, func(context.Context, pgx.Tx) error { return died })
	require.ErrorIs(t, err, died)
	require.Equal(t, webhook.Pending, d.show(t, id).State, "what was not recorded did not happen")

	require.NoError(t, d.run(id))
	posts := rc.got()
	require.Len(t, posts, 2)
	for _, p := range posts {
		require.Equal(t, id.String(), p.header.Get("webhook-id"))
		require.Equal(t, payload, p.body)
	}
	require.Equal(t, 2, d.show(t, id).Attempts)

	require.NoError(t, d.run(id), "what is delivered is not sent again")
	require.Len(t, rc.got(), 2)
}

func TestARunTakenForDeadRecordsNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false)
	rc := newReceiver(t, ok)
	id := d.send(t, rc.URL)
	err := d.Run(context.Background(), d.a, id, func(context.Context, pgx.Tx) error { return jobs.ErrLost })
	require.ErrorIs(t, err, jobs.ErrLost)
	require.Equal(t, webhook.Pending, d.show(t, id).State)
}

func TestAStopSaysNothingAboutTheReceiver(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false)
	ctx, stop := context.WithCancel(context.Background())
	rc := newReceiver(t, func(_ int, _ http.ResponseWriter, r *http.Request) {
		stop()
		<-r.Context().Done()
	})
	id := d.send(t, rc.URL)
	err := d.Run(ctx, d.a, id, nil)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, fault.Internal, fault.CodeOf(err))
	got := d.show(t, id)
	require.Nil(t, got.LastError)
	require.Equal(t, webhook.Pending, got.State)
}

func TestFailuresSayWhenToTryAgain(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		answer     func(int, http.ResponseWriter, *http.Request)
		reason     string
		least, may time.Duration
	}{
		"an error":             {always(http.StatusBadGateway), "the receiver answered 502", time.Minute, 66 * time.Second},
		"too many":             {retryAfter("600"), "the receiver answered 429", 10 * time.Minute, 10 * time.Minute},
		"in a thousand years":  {retryAfter("31536000000"), "the receiver answered 429", 12 * time.Hour, 12 * time.Hour},
		"a date, not followed": {retryAfter("Wed, 21 Oct 2065 07:28:00 GMT"), "the receiver answered 429", time.Minute, 66 * time.Second},
		"silence": {
			func(_ int, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			"the receiver did not answer within 500ms", time.Minute, 66 * time.Second,
		},
		"a broken connection": {
			func(int, http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			"the connection to the receiver failed: EOF", time.Minute, 66 * time.Second,
		},
	}
	d := newDesk(t, false, func(c *webhook.Config) {
		c.Waits, c.Timeout = []time.Duration{time.Minute}, 500*time.Millisecond
	})
	for what, c := range cases {
		rc := newReceiver(t, c.answer)
		id := d.send(t, rc.URL)
		err := d.run(id)
		require.Equal(t, fault.Unavailable, fault.CodeOf(err), what)
		coded, _ := fault.As(err)
		require.GreaterOrEqual(t, coded.RetryAfter, c.least, what)
		require.LessOrEqual(t, coded.RetryAfter, c.may, what)
		got := d.show(t, id)
		require.Equal(t, c.reason, *got.LastError, what)
		require.WithinDuration(t, got.LastAttemptAt.Add(coded.RetryAfter), *got.NextAttemptAt, 5*time.Second, what)
	}
}

func retryAfter(value string) func(int, http.ResponseWriter, *http.Request) {
	return func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", value)
		w.WriteHeader(http.StatusTooManyRequests)
	}
}

func TestWithTheDefaultsADeliveryIsTriedForAboutADay(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false, func(c *webhook.Config) { c.Waits = nil })
	rc := newReceiver(t, always(http.StatusInternalServerError))
	id := d.send(t, rc.URL)
	var total, last time.Duration
	for range webhook.Attempts - 1 {
		coded, _ := fault.As(d.run(id))
		require.Greater(t, coded.RetryAfter, last, "waits grow")
		last = coded.RetryAfter
		total += last
	}
	require.Greater(t, total, 20*time.Hour)
	require.Less(t, total, 28*time.Hour)
}

func TestAnEndlessAnswerIsReadToItsLimit(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false)
	rc := newReceiver(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		chunk := []byte(strings.Repeat("x", 1024))
		for r.Context().Err() == nil {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	id := d.send(t, rc.URL)
	require.NoError(t, d.run(id), "the status had been said")
	require.Equal(t, strings.Repeat("x", 4096), *d.show(t, id).ResponseExcerpt)
}

func TestARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false)
	target := newReceiver(t, ok)
	for _, status := range []int{301, 302, 303, 307, 308} {
		rc := newReceiver(t, func(_ int, w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target.URL, status) })
		id := d.send(t, rc.URL)
		require.Equal(t, fault.Unavailable, fault.CodeOf(d.run(id)))
		require.Contains(t, *d.show(t, id).LastError, "redirects are not followed")
	}
	require.Empty(t, target.got())
}

func TestADeliveryWhoseJobIsGoneFails(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true, func(c *webhook.Config) { c.Waits = []time.Duration{time.Hour} })
	rc := newReceiver(t, always(http.StatusInternalServerError))
	id := d.send(t, rc.URL)
	require.Eventually(t, func() bool { return d.show(t, id).NextAttemptAt != nil }, soon, tick)
	d.exec(t, `DELETE FROM river.river_job WHERE kind = 'webhook' AND state = 'pending'`)
	require.Eventually(t, func() bool {
		d.exec(t, `DELETE FROM river.river_job WHERE kind = 'webhook' AND state = 'pending'`)
		return d.show(t, id).State == webhook.Failed
	}, soon, tick)
	require.Contains(t, *d.show(t, id).LastError, "job is gone")
}

func TestACancelledJobCancelsItsDelivery(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true, func(c *webhook.Config) { c.Waits = []time.Duration{time.Hour} })
	rc := newReceiver(t, always(http.StatusInternalServerError))
	id := d.send(t, rc.URL)
	require.Eventually(t, func() bool { return d.show(t, id).NextAttemptAt != nil }, soon, tick)
	var job int64
	require.NoError(t, d.admin.QueryRow(context.Background(), `SELECT job_id FROM wharf.deliveries WHERE id = $1`, id).Scan(&job))
	require.Eventually(t, func() bool { _, err := d.client.Cancel(context.Background(), job, &d.a); return err == nil }, soon, tick)
	require.Equal(t, webhook.Cancelled, d.show(t, id).State)

	_, err := d.client.Retry(context.Background(), job, &d.a)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(rc.got()) == 2 }, soon, tick, "a retried job makes the delivery again")
}

func TestATenantMeetsNoDeliveryOfAnother(t *testing.T) {
	t.Parallel()
	ctx, d := context.Background(), newDesk(t, false)
	rc := newReceiver(t, ok)
	id := d.send(t, rc.URL)
	other := tenancy.System(d.b)

	_, err := d.Show(ctx, other, id)
	require.ErrorIs(t, err, webhook.ErrNotFound)
	_, err = d.Redeliver(ctx, other, id)
	require.ErrorIs(t, err, webhook.ErrNotFound)
	found, err := d.List(ctx, other, webhook.Filter{Limit: 10})
	require.NoError(t, err)
	require.Empty(t, found)
	err = d.Run(ctx, d.b, id, func(context.Context, pgx.Tx) error { return nil })
	require.ErrorIs(t, err, webhook.ErrNotFound)
	require.Empty(t, rc.got())

	d.in(t, d.b, func(ctx context.Context, tx pgx.Tx) error {
		secret, err := d.Secret(ctx, tx, d.b, d.owner)
		require.NotEmpty(t, secret, "the same owner's id in another tenant is another owner")
		return err
	})
	for _, table := range []string{"wharf.deliveries", "wharf.webhooks"} {
		for tenant, want := range map[string]int{d.a.String(): 1, "": 0} {
			var n int
			tx, err := d.pool.Begin(ctx)
			require.NoError(t, err)
			_, err = tx.Exec(ctx, `SELECT set_config('wharf.tenant_id', $1, true)`, tenant)
			require.NoError(t, err)
			require.NoError(t, tx.QueryRow(ctx, "SELECT count(*) FROM "+table).Scan(&n))
			require.NoError(t, tx.Rollback(ctx))
			require.Equal(t, want, n, "row security of %s", table)
		}
	}
	err = tenancy.Tx(ctx, d.wall, other, func(ctx context.Context, tx pgx.Tx) error {
		_, err := d.Rotate(ctx, tx, d.a, d.owner)
		return err
	})
	require.Error(t, err, "nor writes for another")
}
