package app

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/exporter"
	"wharf/internal/importer"
	"wharf/internal/restorer"
	"wharf/internal/tenancy"
	"wharf/internal/webhook"
)

// importerHooks lets importers tell their webhooks.
type importerHooks struct{ *webhook.Service }

var _ importer.Webhooks = importerHooks{}

// Send has a job deliver an event.
func (h importerHooks) Send(ctx context.Context, tx pgx.Tx, e importer.Event) error {
	return h.Enqueue(ctx, tx, webhook.News{ //nolint:wrapcheck // only passes on, as do the others
		Tenant: e.Tenant, Owner: ofImporter(e.Importer), Event: e.Name, URL: e.URL, Payload: e.Payload,
	})
}

// Secret makes the importer's signing secret.
func (h importerHooks) Secret(ctx context.Context, tx pgx.Tx, tenant, importer uuid.UUID) (string, error) {
	return h.Service.Secret(ctx, tx, tenant, ofImporter(importer)) //nolint:wrapcheck
}

// Rotate makes another.
func (h importerHooks) Rotate(ctx context.Context, tx pgx.Tx, tenant, importer uuid.UUID) (string, error) {
	return h.Service.Rotate(ctx, tx, tenant, ofImporter(importer)) //nolint:wrapcheck
}

// Drop forgets the secret.
func (h importerHooks) Drop(ctx context.Context, tx pgx.Tx, tenant, importer uuid.UUID) error {
	return h.Service.Drop(ctx, tx, tenant, ofImporter(importer)) //nolint:wrapcheck
}

func ofImporter(id uuid.UUID) webhook.Owner {
	return webhook.Owner{Kind: webhook.OwnerImporter, ID: id}
}

// exportHooks lets exports and their schedules tell their webhooks.
type exportHooks struct{ *webhook.Service }

var _ exporter.Webhooks = exportHooks{}

// Send has a job deliver an event.
func (h exportHooks) Send(ctx context.Context, tx pgx.Tx, e exporter.Event) error {
	return h.Enqueue(ctx, tx, webhook.News{ //nolint:wrapcheck // only passes on, as do the others
		Tenant: e.Tenant, Owner: ofHook(e.Of), Event: e.Name, URL: e.URL, Payload: e.Payload,
	})
}

// Secret makes the webhook's signing secret.
func (h exportHooks) Secret(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, of exporter.Hook) (string, error) {
	return h.Service.Secret(ctx, tx, tenant, ofHook(of)) //nolint:wrapcheck
}

// Drop forgets the secret.
func (h exportHooks) Drop(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, of exporter.Hook) error {
	return h.Service.Drop(ctx, tx, tenant, ofHook(of)) //nolint:wrapcheck
}

func ofHook(of exporter.Hook) webhook.Owner {
	if of.Schedule != uuid.Nil {
		return webhook.Owner{Kind: webhook.OwnerExportSchedule, ID: of.Schedule}
	}
	return webhook.Owner{Kind: webhook.OwnerExport, ID: of.Export}
}

// restoreHooks lets restores tell their webhooks.
type restoreHooks struct{ *webhook.Service }

var _ restorer.Webhooks = restoreHooks{}

// Send has a job deliver an event.
func (h restoreHooks) Send(ctx context.Context, tx pgx.Tx, e restorer.Event) error {
	return h.Enqueue(ctx, tx, webhook.News{ //nolint:wrapcheck // only passes on, as do the others
		Tenant: e.Tenant, Owner: ofRestore(e.Restore), Event: e.Name, URL: e.URL, Payload: e.Payload,
	})
}

// Secret makes the restore's signing secret.
func (h restoreHooks) Secret(ctx context.Context, tx pgx.Tx, tenant, restore uuid.UUID) (string, error) {
	return h.Service.Secret(ctx, tx, tenant, ofRestore(restore)) //nolint:wrapcheck
}

// Drop forgets the secret.
func (h restoreHooks) Drop(ctx context.Context, tx pgx.Tx, tenant, restore uuid.UUID) error {
	return h.Service.Drop(ctx, tx, tenant, ofRestore(restore)) //nolint:wrapcheck
}

func ofRestore(id uuid.UUID) webhook.Owner {
	return webhook.Owner{Kind: webhook.OwnerRestore, ID: id}
}

// archive lets restores read what exports wrote.
func (a *App) archive(ctx context.Context, p tenancy.Principal, id uuid.UUID) (restorer.Archive, error) {
	found, err := a.Exports.Archive(ctx, p, id)
	return restorer.Archive(found), err
}
