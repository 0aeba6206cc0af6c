package catalog

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"wharf/internal/fault"
	"wharf/internal/pg"
)

// Cache holds the newest good snapshot for those who cannot read one each time: the API.
//
// It compares fingerprints every Config.CheckEvery, reads anew when they differ, when somebody says NOTIFY wharf_catalog,
// and on Refresh. A read that fails keeps the snapshot before it and shows in Err until one succeeds.
type Cache struct {
	pool *pgxpool.Pool
	cfg  Config
	log  *slog.Logger

	current atomic.Pointer[Snapshot]
	seen    atomic.Pointer[Snapshot] // what In read last
	failure atomic.Pointer[error]
	turn    chan struct{} // held by the one who reads
	begun   atomic.Int64  // reads that have begun
	wake    chan struct{} // read now, whatever the fingerprint says

	stop context.CancelFunc
	done sync.WaitGroup // what Start began
}

const (
	channelName  = "wharf_catalog"
	readTimeout  = 30 * time.Second
	closeTimeout = 5 * time.Second
	listenAgain  = time.Second // after a lost connection
)

// NewCache returns an empty cache; Start fills it. The pool stays the caller's. The connection that listens is its own,
// opened with the pool's settings.
func NewCache(pool *pgxpool.Pool, cfg Config, log *slog.Logger) *Cache {
	if cfg.CheckEvery <= 0 {
		cfg.CheckEvery = defaultCheckEvery
	}
	return &Cache{
		pool: pool, cfg: cfg, log: log.With("room", "catalog"),
		turn: make(chan struct{}, 1), wake: make(chan struct{}, 1), stop: func() {},
	}
}

// Current gives the newest good snapshot; nil as long as there was none (then Err says why).
func (c *Cache) Current() *Snapshot { return c.current.Load() }

// Err says why the newest read failed, or nil. Current may be out of date then.
func (c *Cache) Err() error {
	if err := c.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// In gives the snapshot as tx sees it, for those who need that one and no other. Where the fingerprint is that of the last
// one it is not read again; only Table.EstRows may be older then.
func (c *Cache) In(ctx context.Context, tx pgx.Tx) (*Snapshot, error) {
	old := c.seen.Load()
	if old == nil {
		old = c.Current()
	}
	if old != nil {
		sum, err := fingerprint(ctx, tx, c.cfg.Schemas)
		if err != nil {
			return nil, pg.Translate(fmt.Errorf("catalog: %w", err))
		}
		if sum == old.Fingerprint {
			return old, nil
		}
	}
	next, err := Read(ctx, tx, c.cfg)
	if err != nil {
		return nil, err
	}
	c.seen.Store(next)
	return next, nil
}

// Start reads the catalog and keeps it fresh until ctx ends or Stop is called. It fails on what only an operator can mend
// (Invalid: a wrong tag, a wrong tenant column); a database that is away is waited for meanwhile, see Err. Call it once.
func (c *Cache) Start(ctx context.Context) error {
	if err := c.Refresh(ctx); fault.CodeOf(err) == fault.Invalid {
		return err
	}
	ctx, c.stop = context.WithCancel(ctx)
	c.done.Go(func() { c.watch(ctx) })
	c.done.Go(func() { c.listen(ctx) })
	return nil
}

// Stop ends what Start began and waits for it.
func (c *Cache) Stop() {
	c.stop()
	c.done.Wait()
}

// Refresh reads the catalog if its fingerprint has changed. Call it when a statement met a table or column that is not
// there (pg.IsUndefined). Callers at the same time share one read, which began after they called.
func (c *Cache) Refresh(ctx context.Context) error { return c.refresh(ctx, false) }

func (c *Cache) refresh(ctx context.Context, always bool) error {
	asked := c.begun.Load()
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return fmt.Errorf("catalog: wait for another read: %w", ctx.Err())
	}
	if !always && c.begun.Load() > asked {
		return c.Err()
	}
	c.begun.Add(1)
	next, err := c.read(ctx, always)
	if err != nil {
		if ctx.Err() == nil { // who stopped waiting says nothing about the database
			c.failure.Store(&err)
		}
		return err
	}
	c.failure.Store(nil)
	c.adopt(ctx, next)
	return nil
}

// read gives the current snapshot if the fingerprint is its own, else a new one.
func (c *Cache) read(ctx context.Context, always bool) (*Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	old := c.Current()
	if old != nil && !always {
		sum, err := fingerprint(ctx, c.pool, c.cfg.Schemas)
		if err != nil {
			return nil, pg.Translate(fmt.Errorf("catalog: %w", err))
		}
		if sum == old.Fingerprint {
			return old, nil
		}
	}
	var next *Snapshot
	err := pgx.BeginTxFunc(ctx, c.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) (err error) {
		next, err = Read(ctx, tx, c.cfg)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("catalog: refresh: %w", pg.Translate(err))
	}
	return next, nil
}

// adopt makes next the current snapshot and logs the warnings that the one before did not have.
func (c *Cache) adopt(ctx context.Context, next *Snapshot) {
	old := c.current.Swap(next)
	if old == next {
		return
	}
	for _, w := range next.Warnings {
		if old == nil || !slices.Contains(old.Warnings, w) {
			c.log.WarnContext(ctx, "catalog warning", "warning", w)
		}
	}
	c.log.InfoContext(ctx, "catalog read", "tables", len(next.Tables), "warnings", len(next.Warnings))
}

// watch refreshes until ctx ends. A failure is logged once, not at every try.
func (c *Cache) watch(ctx context.Context) {
	tick := time.NewTicker(c.cfg.CheckEvery)
	defer tick.Stop()
	said := ""
	for {
		always := false
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-c.wake:
			always = true
		}
		err := c.refresh(ctx, always)
		switch {
		case err == nil:
			said = ""
		case ctx.Err() == nil && err.Error() != said:
			said = err.Error()
			c.log.ErrorContext(ctx, "catalog not read; the one before stays in use", "error", err)
		}
	}
}
