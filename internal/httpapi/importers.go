package httpapi

import (
	"context"
)

// ListImporters gives a bare array, by skip and limit.
func (h *handlers) ListImporters(ctx context.Context, req ListImportersRequestObject) (ListImportersResponseObject, error) {
	found, err := h.cfg.Importers.List(ctx, caller(ctx), orElse(req.Params.Skip, 0), orElse(req.Params.Limit, defaultImporters))
	return ListImporters200JSONResponse(found), err
}

// CreateImporter stores a definition.
func (h *handlers) CreateImporter(ctx context.Context, req CreateImporterRequestObject) (CreateImporterResponseObject, error) {
	i, err := h.cfg.Importers.Create(ctx, caller(ctx), *req.Body)
	if err != nil {
		return nil, err
	}
	location := "/api/v1/importers/" + i.ID.String()
	return CreateImporter201JSONResponse{Body: i, Headers: CreateImporter201ResponseHeaders{Location: &location}}, nil
}

// GetImporter shows a definition.
func (h *handlers) GetImporter(ctx context.Context, req GetImporterRequestObject) (GetImporterResponseObject, error) {
	i, err := h.cfg.Importers.Get(ctx, caller(ctx), req.Id)
	return GetImporter200JSONResponse(i), err
}

// GetImporterByKey shows what an embedding page may know.
func (h *handlers) GetImporterByKey(ctx context.Context, req GetImporterByKeyRequestObject) (GetImporterByKeyResponseObject, error) {
	i, err := h.cfg.Importers.GetByKey(ctx, caller(ctx), req.Key)
	return GetImporterByKey200JSONResponse(i.Embed()), err
}

// UpdateImporter changes the fields that are given.
func (h *handlers) UpdateImporter(ctx context.Context, req UpdateImporterRequestObject) (UpdateImporterResponseObject, error) {
	i, err := h.cfg.Importers.Update(ctx, caller(ctx), req.Id, *req.Body)
	return UpdateImporter200JSONResponse(i), err
}

// DeleteImporter removes a definition; its imports stay.
func (h *handlers) DeleteImporter(ctx context.Context, req DeleteImporterRequestObject) (DeleteImporterResponseObject, error) {
	return DeleteImporter204Response{}, h.cfg.Importers.Delete(ctx, caller(ctx), req.Id)
}
