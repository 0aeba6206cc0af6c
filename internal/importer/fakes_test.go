package importer

import (
	"context"
	"encoding/json"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// letterbox keeps what webhooks are told. Delivery is the webhook room's own.
type letterbox struct {
	mu   sync.Mutex
	sent []Event
}

func (*letterbox) CheckURL(string) error { return nil }

func (l *letterbox) Send(_ context.Context, _ pgx.Tx, e Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, e)
	return nil
}

func (*letterbox) Secret(context.Context, pgx.Tx, uuid.UUID, uuid.UUID) (string, error) {
	return "whsec_x", nil
}

func (*letterbox) Rotate(context.Context, pgx.Tx, uuid.UUID, uuid.UUID) (string, error) {
	return "whsec_y", nil
}

func (*letterbox) Drop(context.Context, pgx.Tx, uuid.UUID, uuid.UUID) error { return nil }

// told gives the messages in the order they were sent.
func (l *letterbox) told(t *testing.T) (all []map[string]any) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.sent {
		var m map[string]any
		require.NoError(t, json.Unmarshal(e.Payload, &m))
		require.Equal(t, e.Name, m["event"])
		all = append(all, m)
	}
	return all
}
