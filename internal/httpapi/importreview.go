package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"wharf/internal/audit"
	"wharf/internal/fault"
	"wharf/internal/importer"
)

// ListImportRows pages the rows of an import in review.
func (h *handlers) ListImportRows(ctx context.Context, req ListImportRowsRequestObject) (ListImportRowsResponseObject, error) {
	q := req.Params
	limit, status := orElse(q.Limit, defaultPage), orElse(q.Status, All)
	found, err := h.cfg.Importers.Rows(ctx, caller(ctx), req.Id, string(status), int64(orElse(q.After, 0)), limit+1)
	if err != nil {
		return nil, err
	}
	var res ListImportRows200JSONResponse
	res.Body, res.Headers.Link = paged(found, limit, fmt.Sprintf("/api/v1/imports/%s/rows", req.Id), query(limit, "status", string(status)),
		func(r importer.ReviewRow) string { return strconv.FormatInt(r.Row, 10) })
	return res, nil
}

// rowValues are new values of a row's fields, as JSON gave them.
type rowValues map[string]json.RawMessage

// AmendImportRow mends a row of an import in review.
func (h *handlers) AmendImportRow(ctx context.Context, req AmendImportRowRequestObject) (AmendImportRowResponseObject, error) {
	values := make(map[string]*string, len(*req.Body))
	var wrong []fault.Field
	for name, raw := range *req.Body {
		text, err := cellText(raw)
		if err != nil {
			wrong = append(wrong, fault.Field{Field: name, Message: err.Error()})
		}
		values[name] = text
	}
	if len(wrong) > 0 {
		return nil, fault.New(fault.Invalid, "the row cannot be changed so").WithFields(wrong...)
	}
	row, err := h.cfg.Importers.Amend(ctx, caller(ctx), req.Id, int64(req.Row), values)
	return AmendImportRow200JSONResponse(row), err
}

// cellText gives a JSON value as a file's cell has it; nil empties the cell.
func cellText(raw json.RawMessage) (*string, error) {
	text := string(raw)
	switch raw[0] {
	case 'n':
		return nil, nil //nolint:nilnil // said above
	case '"':
		if err := json.Unmarshal(raw, &text); err != nil {
			return nil, fault.New(fault.Invalid, "must be text")
		}
	case '{', '[':
		return nil, fault.New(fault.Invalid, "must be text, a number, true, false or null")
	}
	return &text, nil
}

// CommitImport ends the review of an import.
func (h *handlers) CommitImport(ctx context.Context, req CommitImportRequestObject) (CommitImportResponseObject, error) {
	i, err := h.cfg.Importers.Confirm(ctx, caller(ctx), req.Id)
	return CommitImport202JSONResponse(i), err
}

// RevertImport has a job undo an import. The attempt is in the audit log before anything is looked up.
func (h *handlers) RevertImport(ctx context.Context, req RevertImportRequestObject) (RevertImportResponseObject, error) {
	p := caller(ctx)
	if err := h.cfg.Audit.Write(ctx, p, actionRevert, audit.Started, importScope{req.Id}); err != nil {
		return nil, fmt.Errorf("httpapi: audit: %w", err)
	}
	i, err := h.cfg.Importers.Revert(ctx, p, req.Id)
	if err != nil {
		if auditErr := h.cfg.Audit.Write(ctx, p, actionRevert, audit.Failed, importScope{req.Id}); auditErr != nil {
			return nil, fmt.Errorf("httpapi: audit: %w", auditErr)
		}
		return nil, err
	}
	return RevertImport202JSONResponse(i), nil
}
