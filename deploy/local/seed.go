package main

import (
	"context"
	"fmt"
	"io"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/objectstore"
	"wharf/internal/sample"
)

const (
	sampleContacts = 500 // with all that belongs to them about 3,200 rows
	sampleSeed     = 1
)

// seed fills the sample product for the tenant, unless there are rows of it.
func (a *app) seed(ctx context.Context, tenant uuid.UUID) error {
	store, err := a.services.s3.open(ctx)
	if err != nil {
		return err
	}
	defer store.Close()
	return a.services.postgres.with(ctx, database, func(conn *pgx.Conn) error {
		var there bool
		err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM public.contacts WHERE tenant_id = $1)`, tenant).Scan(&there)
		if err != nil {
			return fmt.Errorf("look for sample rows: %w", err)
		}
		if there {
			return nil
		}
		counts, err := sample.Seed(ctx, conn, sample.Config{
			TenantID: tenant, Rows: sampleContacts, Seed: sampleSeed, Now: a.now, Store: putter{store},
		})
		if err != nil {
			return fmt.Errorf("fill the sample tenant: %w", err)
		}
		total := int64(0)
		for _, n := range counts {
			total += n
		}
		a.say("filled the sample tenant: %d rows in %d tables", total, len(counts))
		return nil
	})
}

// putter is the store as the sample wants it.
type putter struct{ *objectstore.Store }

func (p putter) Put(ctx context.Context, key, contentType string, r io.Reader) (int64, string, error) {
	o, err := p.Store.Put(ctx, key, contentType, r)
	if err != nil {
		return 0, "", fmt.Errorf("store a sample file: %w", err)
	}
	return o.Bytes, o.SHA256, nil
}
