package httpapi

import (
	"context"

	"wharf/internal/exporter"
)

const exportsPath = "/api/v1/exports/"

// ListExports gives a page of exports.
func (h *handlers) ListExports(ctx context.Context, req ListExportsRequestObject) (ListExportsResponseObject, error) {
	q := req.Params
	limit := orElse(q.Limit, defaultPage)
	found, err := h.cfg.Exports.List(ctx, caller(ctx), exporter.Filter{Status: text(q.Status), After: q.After, Limit: limit + 1})
	if err != nil {
		return nil, err
	}
	var res ListExports200JSONResponse
	res.Body, res.Headers.Link = paged(found, limit, "/api/v1/exports", query(limit, "status", text(q.Status)),
		func(e exporter.Export) string { return e.ID.String() })
	return res, nil
}

// CreateExport starts an export; without a body it is a full one.
func (h *handlers) CreateExport(ctx context.Context, req CreateExportRequestObject) (CreateExportResponseObject, error) {
	e, err := h.cfg.Exports.Start(ctx, caller(ctx), orElse(req.Body, exporter.Input{}))
	location := exportsPath + e.ID.String()
	return CreateExport202JSONResponse{Body: e, Headers: CreateExport202ResponseHeaders{Location: &location}}, err
}

// GetExport shows an export, and says when to ask again.
func (h *handlers) GetExport(ctx context.Context, req GetExportRequestObject) (GetExportResponseObject, error) {
	e, err := h.cfg.Exports.Show(ctx, caller(ctx), req.Id)
	res := GetExport200JSONResponse{Body: e}
	if !exporter.Final(e.Status) {
		after := pollAfter
		res.Headers.RetryAfter = &after
	}
	return res, err
}

// DeleteExport removes the export's object.
func (h *handlers) DeleteExport(ctx context.Context, req DeleteExportRequestObject) (DeleteExportResponseObject, error) {
	return DeleteExport204Response{}, h.cfg.Exports.Delete(ctx, caller(ctx), req.Id)
}

// DownloadExport answers with a signed link.
func (h *handlers) DownloadExport(ctx context.Context, req DownloadExportRequestObject) (DownloadExportResponseObject, error) {
	link, err := h.cfg.Exports.Download(ctx, caller(ctx), req.Id)
	return DownloadExport302Response{Headers: SignedLinkResponseHeaders{Location: &link}}, err
}

// CancelExport ends the export's job.
func (h *handlers) CancelExport(ctx context.Context, req CancelExportRequestObject) (CancelExportResponseObject, error) {
	p := caller(ctx)
	job, err := h.cfg.Exports.Job(ctx, p, req.Id)
	if err != nil {
		return nil, err
	}
	if _, err := h.cfg.Jobs.Cancel(ctx, job, &p.Tenant); err != nil {
		return nil, err
	}
	e, err := h.cfg.Exports.Show(ctx, p, req.Id)
	return CancelExport202JSONResponse(e), err
}

// RetryExport runs the export again.
func (h *handlers) RetryExport(ctx context.Context, req RetryExportRequestObject) (RetryExportResponseObject, error) {
	p := caller(ctx)
	job, err := h.cfg.Exports.Job(ctx, p, req.Id)
	if err != nil {
		return nil, err
	}
	if _, err := h.cfg.Jobs.RetryRow(ctx, exporter.Kind, p.Tenant, req.Id, job); err != nil {
		return nil, err
	}
	e, err := h.cfg.Exports.Show(ctx, p, req.Id)
	return RetryExport202JSONResponse(e), err
}
