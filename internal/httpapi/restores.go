package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"wharf/internal/fault"
	"wharf/internal/restorer"
)

const restoresPath = "/api/v1/restores/"

// ImportDocument merges the body's document as it comes.
func (h *handlers) ImportDocument(ctx context.Context, req ImportDocumentRequestObject) (ImportDocumentResponseObject, error) {
	merged, err := h.cfg.Restores.Merge(ctx, caller(ctx), req.Body.Reader)
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, fault.Wrap(err, fault.TooLarge, fmt.Sprintf("the document is larger than %d bytes, the most that is taken here: %s", tooLarge.Limit, restorer.WayOut))
	}
	return ImportDocument200JSONResponse(merged), err
}

// ListRestores gives a page of restores.
func (h *handlers) ListRestores(ctx context.Context, req ListRestoresRequestObject) (ListRestoresResponseObject, error) {
	q := req.Params
	limit := orElse(q.Limit, defaultPage)
	found, err := h.cfg.Restores.List(ctx, caller(ctx), restorer.Filter{Status: text(q.Status), After: q.After, Limit: limit + 1})
	if err != nil {
		return nil, err
	}
	var res ListRestores200JSONResponse
	res.Body, res.Headers.Link = paged(found, limit, "/api/v1/restores", query(limit, "status", text(q.Status)),
		func(r restorer.Restore) string { return r.ID.String() })
	return res, nil
}

var errNotRestore = fault.New(fault.UnsupportedMedia,
	"send the file as multipart/form-data, or the upload_id of one that was sent or an export_id as application/json")

// CreateRestore streams the file, if one comes, into an upload, and starts the restore when the form is whole. What was stored for a
// request that is refused is deleted again.
func (h *handlers) CreateRestore(ctx context.Context, req CreateRestoreRequestObject) (CreateRestoreResponseObject, error) {
	f := h.importForm()
	f.keep = true
	ask, err := h.askedRestore(ctx, f, req)
	if err == nil {
		err = once(ctx, f.fingerprint()...)
	}
	var r restorer.Restore
	if err == nil {
		// The upload is whole: the restore begins even if the client does not wait for the answer.
		r, err = h.cfg.Restores.Start(context.WithoutCancel(ctx), caller(ctx), ask)
	}
	if err != nil {
		return nil, f.unkeep(ctx, err)
	}
	location := restoresPath + r.ID.String()
	return CreateRestore202JSONResponse{Body: r, Headers: CreateRestore202ResponseHeaders{Location: &location}}, nil
}

// askedRestore takes the request in each of its kinds.
func (h *handlers) askedRestore(ctx context.Context, f *importForm, req CreateRestoreRequestObject) (ask restorer.Request, err error) {
	switch {
	case req.JSONBody != nil:
		return *req.JSONBody, nil
	case req.MultipartBody == nil:
		return ask, errNotRestore
	}
	f.set = func(name, value string) error { return setRestoreField(&ask, name, value) }
	if err := f.read(ctx, req.MultipartBody); err != nil || f.kept == nil {
		return ask, err
	}
	if ask.Upload != nil {
		return ask, fieldFault("upload_id", "is given beside a file; exactly one of both is needed")
	}
	ask.Upload = f.kept
	return ask, nil
}

// setRestoreField takes one field of a restore's form; the error says what the field accepts.
func setRestoreField(r *restorer.Request, name, value string) error {
	set, known := restoreFields[name]
	if !known {
		return errors.New("is not known")
	}
	if value == "" {
		return nil
	}
	return set(r, value)
}

var restoreFields = map[string]func(r *restorer.Request, value string) error{
	"upload_id":   func(r *restorer.Request, value string) error { return id(&r.Upload, value) },
	"export_id":   func(r *restorer.Request, value string) error { return id(&r.Export, value) },
	"dry_run":     func(r *restorer.Request, value string) error { return flag(&r.DryRun, value) },
	"verify":      func(r *restorer.Request, value string) error { return flag(&r.Verify, value) },
	"webhook_url": func(r *restorer.Request, value string) error { r.WebhookURL = value; return nil },
}

func id(dst **uuid.UUID, value string) error {
	given, err := uuid.Parse(value)
	*dst = &given
	return orSay(err, "must be a UUID")
}

func flag(dst *bool, value string) error {
	var given *bool
	err := boolean(&given, value)
	*dst = *given
	return err
}

// GetRestore shows a restore, and says when to ask again.
func (h *handlers) GetRestore(ctx context.Context, req GetRestoreRequestObject) (GetRestoreResponseObject, error) {
	r, err := h.cfg.Restores.Show(ctx, caller(ctx), req.Id)
	res := GetRestore200JSONResponse{Body: r}
	if r.Reverting() || !restorer.Final(r.Status) {
		after := pollAfter
		res.Headers.RetryAfter = &after
	}
	return res, err
}

// StreamRestore follows a restore, or its revert, until it has ended.
func (h *handlers) StreamRestore(ctx context.Context, req StreamRestoreRequestObject) (StreamRestoreResponseObject, error) {
	s, changed, err := follow(ctx, "restore", text(req.Params.LastEventID), func() (any, bool, error) {
		r, err := h.cfg.Restores.Show(ctx, caller(ctx), req.Id)
		return r, restorer.Final(r.Status) && !r.Reverting(), err
	})
	if err != nil {
		return nil, err
	}
	if s.ended && !changed {
		return StreamRestore204Response{}, nil
	}
	return StreamRestore200TexteventStreamResponse{Body: s}, nil
}

// CancelRestore ends the restore's job.
func (h *handlers) CancelRestore(ctx context.Context, req CancelRestoreRequestObject) (CancelRestoreResponseObject, error) {
	p := caller(ctx)
	job, err := h.cfg.Restores.Job(ctx, p, req.Id)
	if err != nil {
		return nil, err
	}
	if _, err := h.cfg.Jobs.Cancel(ctx, job, &p.Tenant); err != nil {
		return nil, err
	}
	r, err := h.cfg.Restores.Show(ctx, p, req.Id)
	return CancelRestore202JSONResponse(r), err
}

// RetryRestore runs the restore, or its revert, again.
func (h *handlers) RetryRestore(ctx context.Context, req RetryRestoreRequestObject) (RetryRestoreResponseObject, error) {
	p := caller(ctx)
	job, err := h.cfg.Restores.Job(ctx, p, req.Id)
	if err != nil {
		return nil, err
	}
	if _, err := h.cfg.Jobs.RetryRow(ctx, restorer.Kind, p.Tenant, req.Id, job); err != nil {
		return nil, err
	}
	r, err := h.cfg.Restores.Show(ctx, p, req.Id)
	return RetryRestore202JSONResponse(r), err
}

// RevertRestore has a job undo a restore.
func (h *handlers) RevertRestore(ctx context.Context, req RevertRestoreRequestObject) (RevertRestoreResponseObject, error) {
	r, err := h.cfg.Restores.Revert(ctx, caller(ctx), req.Id)
	return RevertRestore202JSONResponse(r), err
}
