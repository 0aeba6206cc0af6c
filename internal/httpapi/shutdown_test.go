package httpapi_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// halfway starts an upload that waits for its second half, and returns when the server has it in hand.
func (n tenant) halfway(t *testing.T) (rest *io.PipeWriter, second []byte, answer <-chan *http.Response) {
	t.Helper()
	body, kind := form(t, part{"importer_id", n.importer(t)}, part{"file:a.csv", content})
	whole := append([]byte(nil), body.Bytes()...)
	r, w := io.Pipe()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+n.address+"/api/v1/imports", r)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+n.key)
	req.Header.Set("Content-Type", kind)
	answered := make(chan *http.Response, 1)
	go func() {
		defer close(answered)
		if res, err := client.Do(req); err == nil {
			answered <- res
		}
	}()
	_, err = w.Write(whole[:len(whole)/2])
	require.NoError(t, err)
	used := `SELECT count(*) FROM wharf.api_keys WHERE tenant_id = $1 AND last_used_at > now() - interval '1 minute'`
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		require.Equal(t, 1, scan[int](t, n.house, used, n.id))
	}, soon, tick)
	return w, whole[len(whole)/2:], answered
}

func TestShutdownLetsRunningRequestsEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	n := h.newTenant(t, "acme")
	rest, second, answer := n.halfway(t)
	stopped := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		defer cancel()
		stopped <- h.stop(ctx)
	}()
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		conn, err := net.Dial("tcp", h.address)
		if err == nil {
			_ = conn.Close()
		}
		require.Error(t, err, "no more connections are taken")
	}, soon, tick)
	select {
	case err := <-stopped:
		require.Fail(t, "it stopped under a running request", "%v", err)
	default:
	}
	_, err := rest.Write(second)
	require.NoError(t, err)
	require.NoError(t, rest.Close())
	got := received(t, <-answer)
	require.Equal(t, http.StatusAccepted, got.status, got.body)
	require.NoError(t, <-stopped)
}

func TestShutdownCutsOffWhatOutlastsItsTime(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	n := h.newTenant(t, "acme")
	rest, _, answer := n.halfway(t)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	require.ErrorContains(t, h.stop(ctx), "requests still ran")
	require.NoError(t, rest.Close()) // the client's own goroutine waits for it
	require.Nil(t, <-answer)
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		n.nothingLeft(t)
		require.Len(t, h.log.lines(`"route":"/api/v1/imports"`), 1)
	}, soon, tick)
}
