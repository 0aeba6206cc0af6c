package app

import (
	"context"

	"github.com/google/uuid"

	"wharf/internal/config"
	"wharf/internal/httpapi"
	"wharf/internal/ratelimit"
)

// Rates gives the limits of the API as the configuration says.
func Rates(c config.Rates) httpapi.Rates {
	return httpapi.Rates{
		ExportStarts:  ratelimit.PerMinute(ratelimit.ExportStarts, c.ExportStarts),
		ImportStarts:  ratelimit.PerMinute(ratelimit.ImportStarts, c.ImportStarts),
		RestoreStarts: ratelimit.PerMinute(ratelimit.RestoreStarts, c.RestoreStarts),
		UploadStarts:  ratelimit.PerMinute(ratelimit.UploadStarts, c.UploadStarts),
		Requests:      ratelimit.PerMinute(ratelimit.Requests, c.Requests),
		Failures:      ratelimit.PerMinute(ratelimit.Failures, c.Failures),
	}
}

// mayStart takes the export that a schedule starts from the tenant's limit.
func (a *App) mayStart(ctx context.Context, tenant uuid.UUID) (bool, error) {
	v, err := a.Limits.Take(ctx, Rates(a.Config.Rates).ExportStarts, ratelimit.OfTenant(tenant))
	return v.Allowed, err
}
