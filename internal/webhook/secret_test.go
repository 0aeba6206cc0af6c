package webhook_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/fieldcrypt"
	"wharf/internal/tenancy"
	"wharf/internal/testenv"
	"wharf/internal/webhook"
)

func withKeys(t *testing.T) func(*webhook.Config) {
	t.Helper()
	ring, err := fieldcrypt.New(testenv.FieldKeys)
	require.NoError(t, err)
	return func(c *webhook.Config) { c.Keys = ring }
}

// signedBy reports whether the last post verifies by the secret, as a receiver would find out.
func (rc *receiver) signedBy(t *testing.T, secret string) bool {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	posts := rc.got()
	last := posts[len(posts)-1]
	return verifier.Verify([]byte(last.body), last.header) == nil
}

func (d *desk) rotate(t *testing.T) (secret string) {
	t.Helper()
	d.in(t, d.a, func(ctx context.Context, tx pgx.Tx) (err error) {
		secret, err = d.Rotate(ctx, tx, d.a, d.owner)
		return err
	})
	return secret
}

func (d *desk) stored(t *testing.T) (secret []byte) {
	t.Helper()
	require.NoError(t, d.admin.QueryRow(context.Background(), `SELECT secret FROM wharf.webhooks`).Scan(&secret))
	return secret
}

func TestASecretIsShownOnceAndSealedInTheDatabase(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false, withKeys(t))
	secret := d.secret(t)
	raw, ok := strings.CutPrefix(secret, "whsec_")
	require.True(t, ok)
	key, err := base64.StdEncoding.DecodeString(raw)
	require.NoError(t, err)
	require.Len(t, key, 32)
	require.Empty(t, d.secret(t), "a second time there is nothing to show")
	require.NotContains(t, string(d.stored(t)), "whsec_")
	require.NotContains(t, string(d.stored(t)), raw)
}

func TestWithoutAKeyRingASecretIsStoredAsItIsAndStaysGoodWhenOneComes(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false)
	secret := d.secret(t)
	require.Equal(t, secret, string(d.stored(t)))

	sealing := d.again(withKeys(t))
	rc := newReceiver(t, ok)
	require.NoError(t, sealing.run(d.send(t, rc.URL)))
	require.True(t, rc.signedBy(t, secret))
}

// again gives a desk on the same database with another service.
func (d *desk) again(change func(*webhook.Config)) *desk {
	cfg := webhook.Config{DB: d.wall, Queue: &queue{d.client}, Now: time.Now, Timeout: soon, AllowPrivate: true}
	change(&cfg)
	next := *d
	next.Service = webhook.New(cfg)
	return &next
}

func TestARotatedSecretSignsBesideTheFormerForADay(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false, withKeys(t))
	rc := newReceiver(t, ok)
	first := d.secret(t)
	second := d.rotate(t)
	require.NotEqual(t, first, second)
	require.NoError(t, d.run(d.send(t, rc.URL)))
	require.True(t, rc.signedBy(t, first))
	require.True(t, rc.signedBy(t, second))

	d.exec(t, `UPDATE wharf.webhooks SET former_until = former_until - interval '24 hours'`)
	require.NoError(t, d.run(d.send(t, rc.URL)))
	require.False(t, rc.signedBy(t, first))
	require.True(t, rc.signedBy(t, second))

	third := d.rotate(t)
	require.NoError(t, d.run(d.send(t, rc.URL)))
	require.False(t, rc.signedBy(t, first), "a rotation does not bring back an older one")
	require.True(t, rc.signedBy(t, second))
	require.True(t, rc.signedBy(t, third))
}

func TestAnOwnerWithoutASecretGetsOneWithItsFirstDelivery(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false)
	rc := newReceiver(t, ok)
	require.NoError(t, d.run(d.send(t, rc.URL)))
	require.True(t, rc.signedBy(t, string(d.stored(t))))
	require.Empty(t, d.secret(t))
}

func TestALostKeyRingFailsNoDeliveryForGood(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false, withKeys(t))
	d.secret(t)
	rc := newReceiver(t, ok)
	id := d.send(t, rc.URL)
	without := d.again(func(*webhook.Config) {})
	err := without.run(id)
	require.Equal(t, fault.Unavailable, fault.CodeOf(err))
	require.ErrorIs(t, err, fieldcrypt.ErrNoKeys)
	require.Empty(t, rc.got(), "nothing is sent unsigned")
	require.NoError(t, d.run(id), "with the ring again, it goes out")
}

func TestADroppedWebhookSendsNoMore(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true, func(c *webhook.Config) { c.Waits = []time.Duration{time.Millisecond} })
	hold := make(chan struct{})
	rc := newReceiver(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		<-hold
		w.WriteHeader(http.StatusInternalServerError)
	})
	id := d.send(t, rc.URL)
	require.Eventually(t, func() bool { return len(rc.got()) == 1 }, soon, tick)
	d.in(t, d.a, func(ctx context.Context, tx pgx.Tx) error { return d.Drop(ctx, tx, d.a, d.owner) })
	close(hold)
	got := d.await(t, id, webhook.Failed)
	require.Len(t, rc.got(), 1)
	require.Equal(t, "there is no such webhook any more", *got.LastError)
	_, err := d.Show(context.Background(), tenancy.System(d.a), id)
	require.NoError(t, err, "the log stays")
}
