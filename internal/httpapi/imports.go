package httpapi

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"wharf/internal/audit"
	"wharf/internal/importer"
	"wharf/internal/tenancy"
)

// pollAfter is how long a client waits before it asks again about work that runs, in seconds.
const pollAfter = 1

// ListImports gives a page of imports.
func (h *handlers) ListImports(ctx context.Context, req ListImportsRequestObject) (ListImportsResponseObject, error) {
	q := req.Params
	limit := orElse(q.Limit, defaultPage)
	found, err := h.cfg.Importers.ListImports(ctx, caller(ctx), importer.Filter{
		Status: text(q.Status), Importer: q.ImporterId, After: q.After, Limit: limit + 1,
	})
	if err != nil {
		return nil, err
	}
	var res ListImports200JSONResponse
	res.Body, res.Headers.Link = paged(found, limit, "/api/v1/imports",
		query(limit, "status", text(q.Status), "importer_id", idText(q.ImporterId)),
		func(i importer.Import) string { return i.ID.String() })
	return res, nil
}

// GetImport shows an import, and says when to ask again.
func (h *handlers) GetImport(ctx context.Context, req GetImportRequestObject) (GetImportResponseObject, error) {
	i, err := h.cfg.Importers.Show(ctx, caller(ctx), req.Id)
	res := GetImport200JSONResponse{Body: i}
	if i.Reverting() || !importer.Final(i.Status) && i.Status != importer.Review {
		after := pollAfter
		res.Headers.RetryAfter = &after
	}
	return res, err
}

type importScope struct {
	ID uuid.UUID `json:"import_id"`
}

// DownloadImportResult answers with a signed link.
func (h *handlers) DownloadImportResult(ctx context.Context, req DownloadImportResultRequestObject) (DownloadImportResultResponseObject, error) {
	link, err := h.importLink(ctx, actionResult, req.Id, h.cfg.Importers.ResultLink)
	return DownloadImportResult302Response{Headers: SignedLinkResponseHeaders{Location: &link}}, err
}

// DownloadImportErrors answers with a signed link.
func (h *handlers) DownloadImportErrors(ctx context.Context, req DownloadImportErrorsRequestObject) (DownloadImportErrorsResponseObject, error) {
	link, err := h.importLink(ctx, actionErrors, req.Id, h.cfg.Importers.ErrorsLink)
	return DownloadImportErrors302Response{Headers: SignedLinkResponseHeaders{Location: &link}}, err
}

// importLink signs a link. The attempt is in the audit log before anything is looked up.
func (h *handlers) importLink(ctx context.Context, action string, id uuid.UUID,
	sign func(context.Context, tenancy.Principal, uuid.UUID) (string, error),
) (string, error) {
	p := caller(ctx)
	if err := h.cfg.Audit.Write(ctx, p, action, audit.Started, importScope{id}); err != nil {
		return "", fmt.Errorf("httpapi: audit: %w", err)
	}
	link, err := sign(ctx, p, id)
	if err != nil {
		if auditErr := h.cfg.Audit.Write(ctx, p, action, audit.Failed, importScope{id}); auditErr != nil {
			return "", fmt.Errorf("httpapi: audit: %w", auditErr)
		}
	}
	return link, err
}

// CancelImport ends the import's job.
func (h *handlers) CancelImport(ctx context.Context, req CancelImportRequestObject) (CancelImportResponseObject, error) {
	p := caller(ctx)
	i, err := h.cfg.Importers.Show(ctx, p, req.Id)
	if err != nil {
		return nil, err
	}
	if i.Status == importer.Review { // no job has it
		i, err = h.cfg.Importers.Abandon(ctx, p, req.Id)
		return CancelImport202JSONResponse(i), err
	}
	job, err := h.cfg.Importers.Job(ctx, p, req.Id)
	if err != nil {
		return nil, err
	}
	if _, err := h.cfg.Jobs.Cancel(ctx, job, &p.Tenant); err != nil {
		return nil, err
	}
	i, err = h.cfg.Importers.Show(ctx, p, req.Id)
	return CancelImport202JSONResponse(i), err
}

// RetryImport runs the import again from its stored file.
func (h *handlers) RetryImport(ctx context.Context, req RetryImportRequestObject) (RetryImportResponseObject, error) {
	p := caller(ctx)
	job, err := h.cfg.Importers.Job(ctx, p, req.Id)
	if err != nil {
		return nil, err
	}
	if _, err := h.cfg.Jobs.RetryRow(ctx, importer.Kind, p.Tenant, req.Id, job); err != nil {
		return nil, err
	}
	i, err := h.cfg.Importers.Show(ctx, p, req.Id)
	return RetryImport202JSONResponse(i), err
}
