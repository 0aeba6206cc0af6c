package httpapi

import (
	"context"
	"time"

	"wharf/internal/fault"
	"wharf/internal/pg"
)

// readyWithin bounds the checks of readiness together.
const readyWithin = 5 * time.Second

// GetOpenAPI shows the contract.
func (h *handlers) GetOpenAPI(context.Context, GetOpenAPIRequestObject) (GetOpenAPIResponseObject, error) {
	return GetOpenAPI200JSONResponse(h.document), nil
}

// GetLive says that the process runs.
func (h *handlers) GetLive(context.Context, GetLiveRequestObject) (GetLiveResponseObject, error) {
	return GetLive200JSONResponse{Status: Ok}, nil
}

// GetReady tells what works and what does not, in words, without addresses.
func (h *handlers) GetReady(ctx context.Context, _ GetReadyRequestObject) (GetReadyResponseObject, error) {
	// A prober that gives up early must not look like a failing part.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyWithin)
	defer cancel()
	checks := map[string]string{}
	check := func(name string, err error) {
		checks[name] = "ok"
		if err == nil {
			return
		}
		checks[name] = "failing"
		if f, coded := fault.As(err); coded && f.Code != fault.Internal {
			checks[name] = f.Message
		}
		h.cfg.Log.WarnContext(ctx, "not ready", "check", name, "error", err)
	}
	check("database", pg.Translate(h.cfg.Pool.Ping(ctx)))
	check("migrations", h.cfg.Ready(ctx))
	check("objects", h.cfg.Objects.Ping(ctx))
	check("catalog", h.cfg.Catalog.Err())
	warnings := append([]string{}, h.snapshot().Warnings...)
	health := Health{Status: Ok, Checks: &checks, Warnings: &warnings}
	for _, state := range checks {
		if state != "ok" {
			health.Status = Failing
			return GetReady503JSONResponse(health), nil
		}
	}
	return GetReady200JSONResponse(health), nil
}
