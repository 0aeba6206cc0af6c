package httpapi

import (
	"context"
	"log/slog"
	"time"

	"wharf/internal/exporter"
)

const levelWarn = slog.LevelWarn

func errAttr(err error) slog.Attr { return slog.String("error", err.Error()) }

func timeText(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

func (h *handlers) ListExports(ctx context.Context, req ListExportsRequestObject) (ListExportsResponseObject, error) {
	q := req.Params
	limit, err := page(q.Limit, defaultPage)
	if err == nil {
		err = oneOf("status", q.Status)
	}
	if err != nil {
		return nil, err
	}
	found, err := h.cfg.Exports.List(ctx, caller(ctx), exporter.Filter{Status: text(q.Status), After: q.After, Limit: limit})
	res := ListExports200JSONResponse{Body: found}
	if n := len(found); n == limit {
		res.Headers.Link = next("/api/v1/exports", true, found[n-1].ID.String(), query(limit, "status", text(q.Status)))
	}
	return res, err
}

func (h *handlers) CreateExport(ctx context.Context, req CreateExportRequestObject) (CreateExportResponseObject, error) {
	var asked exporter.Request
	if req.Body != nil {
		asked = *req.Body
	}
	e, err := h.cfg.Exports.Start(ctx, caller(ctx), asked)
	location := "/api/v1/exports/" + e.ID.String()
	return CreateExport202JSONResponse{Body: e, Headers: CreateExport202ResponseHeaders{Location: &location}}, err
}

func (h *handlers) GetExport(ctx context.Context, req GetExportRequestObject) (GetExportResponseObject, error) {
	e, err := h.cfg.Exports.Show(ctx, caller(ctx), req.Id)
	res := GetExport200JSONResponse{Body: e}
	if !exporter.Final(e.Status) {
		after := pollAfter
		res.Headers.RetryAfter = &after
	}
	return res, err
}

func (h *handlers) DeleteExport(ctx context.Context, req DeleteExportRequestObject) (DeleteExportResponseObject, error) {
	return DeleteExport204Response{}, h.cfg.Exports.Delete(ctx, caller(ctx), req.Id)
}

func (h *handlers) DownloadExport(ctx context.Context, req DownloadExportRequestObject) (DownloadExportResponseObject, error) {
	link, err := h.cfg.Exports.Download(ctx, caller(ctx), req.Id)
	return DownloadExport302Response{Headers: SignedLinkResponseHeaders{Location: &link}}, err
}

func (h *handlers) CancelExport(ctx context.Context, req CancelExportRequestObject) (CancelExportResponseObject, error) {
	p := caller(ctx)
	job, err := h.cfg.Exports.Job(ctx, p, req.Id)
	if err != nil {
		return nil, err //nolint:wrapcheck // coded
	}
	if _, err := h.cfg.Jobs.Cancel(ctx, job, &p.Tenant); err != nil {
		return nil, err //nolint:wrapcheck // coded
	}
	e, err := h.cfg.Exports.Show(ctx, p, req.Id)
	return CancelExport202JSONResponse(e), err
}

func (h *handlers) RetryExport(ctx context.Context, req RetryExportRequestObject) (RetryExportResponseObject, error) {
	p := caller(ctx)
	job, err := h.cfg.Exports.Job(ctx, p, req.Id)
	if err != nil {
		return nil, err //nolint:wrapcheck // coded
	}
	if _, err := h.cfg.Jobs.RetryRow(ctx, exporter.Kind, p.Tenant, req.Id, job); err != nil {
		return nil, err //nolint:wrapcheck // coded
	}
	e, err := h.cfg.Exports.Show(ctx, p, req.Id)
	return RetryExport202JSONResponse(e), err
}
