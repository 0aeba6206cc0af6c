package httpapi

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"wharf/internal/audit"
	"wharf/internal/auth"
	"wharf/internal/exporter"
	"wharf/internal/ratelimit"
	"wharf/internal/restorer"
	"wharf/internal/tenancy"
)

type principalKey struct{}

func principalOf(ctx context.Context) (tenancy.Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(tenancy.Principal)
	return p, ok
}

// caller gives the principal that the gate let in; without one every permission is refused.
func caller(ctx context.Context) tenancy.Principal {
	p, _ := principalOf(ctx)
	return p
}

// gate lets in who may: it finds out who calls, and whether the route's permissions are theirs. An embed token is let in at the
// routes that are marked for it; what it sees there, the importer's statements narrow.
func (s *Server) gate(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := ruleOf(c)
		if r.operation == "" || r.public {
			return next(c)
		}
		p, turn, err := s.authenticate(c)
		if err != nil {
			return err
		}
		ctx := audit.WithActor(context.WithValue(c.Request().Context(), principalKey{}, p), p.Actor)
		withContext(c, ctx)
		if err := tell(c, turn); err != nil {
			return s.limited(ctx, p, r.operation, c.Param("id"), err)
		}
		if p.Importer != nil && !r.embed {
			return s.refuse(ctx, p, r.operation, c.Param("id"))
		}
		for _, scope := range r.scopes {
			if !allowed(p, scope) {
				return s.refuse(ctx, p, r.operation, c.Param("id"))
			}
		}
		return next(c)
	}
}

// allowed also lets operators at the routes that show the installation: jobs and the audit log.
func allowed(p tenancy.Principal, scope tenancy.Permission) bool {
	if p.Operator && (scope == tenancy.JobsManage || scope == tenancy.AuditRead) {
		return true
	}
	return p.May(scope)
}

// authenticate finds out who calls, and takes one of the requests that the caller has.
func (s *Server) authenticate(c echo.Context) (p tenancy.Principal, turn ratelimit.Verdict, err error) {
	scheme, token, _ := strings.Cut(c.Request().Header.Get(echo.HeaderAuthorization), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return p, turn, auth.ErrUnauthenticated
	}
	p, err = s.cfg.Keys.Authenticate(c.Request().Context(), strings.TrimSpace(token), s.request(&turn))
	if errors.Is(err, auth.ErrUnauthenticated) {
		return p, turn, s.failed(c, err)
	}
	if err != nil {
		return p, turn, fmt.Errorf("httpapi: authenticate: %w", err)
	}
	return p, turn, nil
}

// The audit log's words for what is done with imports.
const (
	actionResult = "import.download"
	actionErrors = "import.errors"
	actionRevert = "import.revert"
)

// audited are the operations whose refusal is recorded too, and how the audit log's scope calls the id in their path.
var audited = map[string]struct{ action, id string }{
	"createExport":         {action: exporter.ActionStart},
	"retryExport":          {exporter.ActionStart, "export_id"},
	"streamExport":         {action: exporter.ActionStream},
	"streamDump":           {action: exporter.ActionDump},
	"downloadExport":       {exporter.ActionDownload, "export_id"},
	"createExportSchedule": {action: exporter.ActionScheduleCreate},
	"updateExportSchedule": {exporter.ActionScheduleUpdate, "schedule_id"},
	"deleteExportSchedule": {exporter.ActionScheduleDelete, "schedule_id"},
	"importDocument":       {action: restorer.Action},
	"createRestore":        {action: restorer.Action},
	"retryRestore":         {restorer.Action, "restore_id"},
	"revertRestore":        {restorer.ActionRevert, "restore_id"},
	"deleteExport":         {exporter.ActionDelete, "export_id"},
	"downloadImportResult": {actionResult, "import_id"},
	"downloadImportErrors": {actionErrors, "import_id"},
	"revertImport":         {actionRevert, "import_id"},
}

// refuse gives tenancy.ErrForbidden, and records the attempt where it was for data.
func (s *Server) refuse(ctx context.Context, p tenancy.Principal, operation, id string) error {
	if err := s.record(ctx, p, operation, id, audit.Denied); err != nil {
		return err
	}
	return tenancy.ErrForbidden
}

// record writes down an attempt that was not let in, if it was for data.
func (s *Server) record(ctx context.Context, p tenancy.Principal, operation, id, outcome string) error {
	a, recorded := audited[operation]
	if !recorded {
		return nil
	}
	scope := map[string]string{"role": string(p.Role)}
	if _, err := uuid.Parse(id); err == nil && a.id != "" {
		scope[a.id] = id
	}
	if err := s.cfg.Audit.Write(ctx, p, a.action, outcome, scope); err != nil {
		return fmt.Errorf("httpapi: audit: %w", err)
	}
	return nil
}
