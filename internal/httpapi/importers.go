package httpapi

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"wharf/internal/audit"
	"wharf/internal/importer"
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
	location := importersPath + i.ID.String()
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

// actionEmbed is the audit log's word for making an embed token.
const actionEmbed = "embed_token.create"

type embedScope struct {
	Importer uuid.UUID `json:"importer_id"`
	Token    uuid.UUID `json:"token_id"`
	User     string    `json:"user,omitempty"`
}

// CreateEmbedToken makes a token that an embedding page may hold. It is in the audit log before anybody has it.
func (h *handlers) CreateEmbedToken(ctx context.Context, req CreateEmbedTokenRequestObject) (CreateEmbedTokenResponseObject, error) {
	p, asked := caller(ctx), orElse(req.Body, importer.EmbedRequest{})
	token, err := h.cfg.Importers.MintEmbedToken(ctx, p, req.Id, asked)
	if err != nil {
		return nil, err
	}
	if err := h.cfg.Audit.Write(ctx, p, actionEmbed, audit.Done, embedScope{req.Id, token.ID, asked.User}); err != nil {
		return nil, fmt.Errorf("httpapi: audit: %w", err)
	}
	return CreateEmbedToken201JSONResponse(token), nil
}

// RevokeEmbedTokens ends every token of an importer.
func (h *handlers) RevokeEmbedTokens(ctx context.Context, req RevokeEmbedTokensRequestObject) (RevokeEmbedTokensResponseObject, error) {
	return RevokeEmbedTokens204Response{}, h.cfg.Importers.RevokeEmbedTokens(ctx, caller(ctx), req.Id)
}
