package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/fieldcrypt"
	"wharf/internal/objectstore"
	"wharf/internal/sample"
)

const (
	sampleContacts = 500 // with all that belongs to them about 3,000 rows
	sampleSeed     = 1
)

// seed fills one more tenant and prints its id and its owner's key.
func (h host) seed(ctx context.Context, root, dir string, contacts int) (err error) {
	s, err := h.open(ctx, root, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	a, err := s.prepare(ctx)
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		slug := fmt.Sprintf("%s-%d-%d", sampleSlug, contacts, n)
		t, err := a.ensureTenant(ctx, slug, "Sample "+slug)
		if err != nil {
			return err
		}
		filled, err := a.fill(ctx, t.ID, contacts)
		if err != nil {
			return err
		}
		if !filled { // by an earlier run
			continue
		}
		if err := a.ensureKeys(ctx, t, "owner"); err != nil {
			return err
		}
		_, err = h.out.Write(variables{{"WHARF_SEED_TENANT_ID", t.ID.String()}, {"WHARF_SEED_KEY", t.Keys["owner"]}}.shell())
		return err
	}
}

// fill makes rows of the sample product for the tenant, unless there are some; it reports whether it did.
func (a *app) fill(ctx context.Context, tenant uuid.UUID, contacts int) (filled bool, err error) {
	store, err := a.services.s3.open(ctx)
	if err != nil {
		return false, err
	}
	defer store.Close()
	cfg := sample.Config{TenantID: tenant, Rows: contacts, Seed: sampleSeed, Now: a.now, Store: putter{store}}
	if err := a.encrypt(&cfg); err != nil {
		return false, err
	}
	err = a.services.postgres.with(ctx, database, func(conn *pgx.Conn) error {
		var there bool
		err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM public.contacts WHERE tenant_id = $1)`, tenant).Scan(&there)
		if err != nil {
			return fmt.Errorf("look for sample rows: %w", err)
		}
		if there {
			return nil
		}
		counts, err := sample.Seed(ctx, conn, cfg)
		if err != nil {
			return fmt.Errorf("fill a sample tenant: %w", err)
		}
		total := int64(0)
		for _, n := range counts {
			total += n
		}
		filled = true
		a.say("filled a sample tenant: %d rows in %d tables", total, len(counts))
		return nil
	})
	return filled, err
}

// encrypt fills the sample's encrypted columns by this site's keys.
func (a *app) encrypt(cfg *sample.Config) error {
	ring, err := fieldcrypt.New(a.fieldKeys)
	if err != nil {
		return fmt.Errorf("read the key ring: %w", err)
	}
	place := func(table, column string) fieldcrypt.Column {
		return fieldcrypt.Column{Tenant: cfg.TenantID, Table: "public." + table, Column: column}
	}
	cfg.Encrypt = func(table, column string, plain []byte) ([]byte, error) {
		return ring.Seal(nil, plain, place(table, column))
	}
	cfg.Hash = func(table, column string, plain []byte) ([]byte, error) {
		return ring.Hash(nil, plain, place(table, column)), nil
	}
	return nil
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
