package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// listen wakes the watch on every NOTIFY until ctx ends. What was said while the connection was lost is not delivered
// later, so a new connection wakes it too. Behind a transaction-mode pooler nothing arrives and the ticks alone remain.
func (c *Cache) listen(ctx context.Context) {
	for ctx.Err() == nil {
		if err := c.listenOnce(ctx); err != nil && ctx.Err() == nil {
			c.log.DebugContext(ctx, "catalog notifications interrupted", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(listenAgain):
		}
	}
}

func (c *Cache) listenOnce(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, c.pool.Config().ConnConfig)
	if err != nil {
		return fmt.Errorf("catalog: connect to listen: %w", err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		_ = conn.Close(ctx) // it is broken or no longer needed
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+channelName); err != nil {
		return fmt.Errorf("catalog: listen: %w", err)
	}
	for {
		select {
		case c.wake <- struct{}{}:
		default: // a read that has not begun yet covers this one
		}
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return fmt.Errorf("catalog: wait for a notification: %w", err)
		}
	}
}
