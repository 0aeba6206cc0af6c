package httpapi

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"wharf/internal/audit"
	"wharf/internal/ratelimit"
	"wharf/internal/tenancy"
)

// actionLimits is the audit log's word for giving a tenant other limits.
const actionLimits = "limits.set"

// GetTenantLimits shows an operator what holds for a tenant.
func (h *handlers) GetTenantLimits(ctx context.Context, req GetTenantLimitsRequestObject) (GetTenantLimitsResponseObject, error) {
	o, err := h.cfg.Limits.Overrides(ctx, req.Id)
	if err != nil {
		return nil, fmt.Errorf("httpapi: tenant's limits: %w", err)
	}
	return GetTenantLimits200JSONResponse(h.limitsOf(req.Id, o)), nil
}

// SetTenantLimits gives a tenant limits of its own; those left out go by the defaults. The tenant finds it in its audit log.
func (h *handlers) SetTenantLimits(ctx context.Context, req SetTenantLimitsRequestObject) (SetTenantLimitsResponseObject, error) {
	o := ratelimit.Overrides{}
	for name, n := range map[string]*int{
		ratelimit.ExportStarts: req.Body.ExportStartsPerMinute, ratelimit.ImportStarts: req.Body.ImportStartsPerMinute,
		ratelimit.RestoreStarts: req.Body.RestoreStartsPerMinute,
		ratelimit.UploadStarts:  req.Body.UploadStartsPerMinute, ratelimit.Requests: req.Body.RequestsPerMinute,
	} {
		if n != nil {
			o[name] = *n
		}
	}
	if err := h.cfg.Limits.SetOverrides(ctx, req.Id, o); err != nil {
		return nil, fmt.Errorf("httpapi: set tenant's limits: %w", err)
	}
	by := tenancy.Principal{Tenant: req.Id, Actor: caller(ctx).Actor}
	if err := h.cfg.Audit.Write(ctx, by, actionLimits, audit.Done, o); err != nil {
		return nil, fmt.Errorf("httpapi: audit: %w", err)
	}
	return SetTenantLimits200JSONResponse(h.limitsOf(req.Id, o)), nil
}

func (h *handlers) limitsOf(tenant uuid.UUID, o ratelimit.Overrides) TenantLimits {
	view := TenantLimits{TenantId: tenant, Overridden: []string{}}
	for _, l := range []struct {
		limit ratelimit.Limit
		shown *int
		name  string
	}{
		{h.cfg.Rates.ExportStarts, &view.ExportStartsPerMinute, "export_starts_per_minute"},
		{h.cfg.Rates.ImportStarts, &view.ImportStartsPerMinute, "import_starts_per_minute"},
		{h.cfg.Rates.RestoreStarts, &view.RestoreStartsPerMinute, "restore_starts_per_minute"},
		{h.cfg.Rates.UploadStarts, &view.UploadStartsPerMinute, "upload_starts_per_minute"},
		{h.cfg.Rates.Requests, &view.RequestsPerMinute, "requests_per_minute"},
	} {
		*l.shown = l.limit.Rate
		if n, set := o[l.limit.Name]; set {
			*l.shown = n
			view.Overridden = append(view.Overridden, l.name)
		}
	}
	return view
}
