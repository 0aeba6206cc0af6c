package httpapi

import (
	"context"
)

const (
	uploadsPath   = "/api/v1/uploads/"
	importersPath = "/api/v1/importers/"
)

// CreateUpload announces a file and gives the URL that takes it.
func (h *handlers) CreateUpload(ctx context.Context, req CreateUploadRequestObject) (CreateUploadResponseObject, error) {
	n := *req.Body
	n.Name = fileName(n.Name)
	u, err := h.cfg.Importers.CreateUpload(ctx, caller(ctx), n)
	if err != nil {
		return nil, err
	}
	location := uploadsPath + u.ID.String()
	return CreateUpload201JSONResponse{Body: u, Headers: CreateUpload201ResponseHeaders{Location: &location}}, nil
}

// GetUpload shows whether an upload has arrived.
func (h *handlers) GetUpload(ctx context.Context, req GetUploadRequestObject) (GetUploadResponseObject, error) {
	u, err := h.cfg.Importers.ShowUpload(ctx, caller(ctx), req.Id)
	return GetUpload200JSONResponse(u), err
}

// DeleteUpload removes an upload that no import has used.
func (h *handlers) DeleteUpload(ctx context.Context, req DeleteUploadRequestObject) (DeleteUploadResponseObject, error) {
	return DeleteUpload204Response{}, h.cfg.Importers.DeleteUpload(ctx, caller(ctx), req.Id)
}
