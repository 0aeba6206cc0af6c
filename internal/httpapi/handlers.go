package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"

	"wharf/internal/audit"
	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/pg"
	"wharf/internal/tenancy"
)

// handlers implements the generated interface: decode → call → encode.
type handlers struct {
	*Server
	openapi json.RawMessage
}

var _ StrictServerInterface = (*handlers)(nil)

// document gives the contract as JSON. References into itself stay references.
func document(spec *openapi3.T) (json.RawMessage, error) {
	doc, err := spec.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("httpapi: encode openapi: %w", err)
	}
	return doc, nil
}

const (
	defaultPage = 50
	maxPage     = 1000
)

// page checks a limit, and gives the default for none.
func page(limit *int, standard int) (int, error) {
	if limit == nil {
		return standard, nil
	}
	if *limit < 1 || *limit > maxPage {
		return 0, fault.Newf(fault.Malformed, "limit must be between 1 and %d", maxPage)
	}
	return *limit, nil
}

// next gives the Link to the page after this one, nil on the last.
func next(path string, full bool, after string, query url.Values) *string {
	if !full {
		return nil
	}
	query.Set("after", after)
	link := "<" + path + "?" + query.Encode() + `>; rel="next"`
	return &link
}

// query collects the parameters that a next page repeats.
func query(limit int, pairs ...string) url.Values {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

func text[T ~string](p *T) string {
	if p == nil {
		return ""
	}
	return string(*p)
}

// oneOf refuses a value that is none of the enum's.
func oneOf[T interface {
	~string
	Valid() bool
}](name string, p *T,
) error {
	if p != nil && !(*p).Valid() {
		return fault.Newf(fault.Malformed, "%s cannot be %q", name, string(*p))
	}
	return nil
}

// pollAfter is how long a client waits before it asks again about work that runs, in seconds.
const pollAfter = 1

func (h *handlers) GetMe(ctx context.Context, _ GetMeRequestObject) (GetMeResponseObject, error) {
	p := caller(ctx)
	me := Me{Actor: p.Actor, Name: p.Name, Role: string(p.Role), Permissions: []string{}}
	if p.Operator {
		me.Role = "operator"
	} else {
		me.TenantId = &p.Tenant
	}
	for _, perm := range tenancy.Permissions() {
		if p.May(perm) {
			me.Permissions = append(me.Permissions, string(perm))
		}
	}
	return GetMe200JSONResponse(me), nil
}

func (h *handlers) ListTables(context.Context, ListTablesRequestObject) (ListTablesResponseObject, error) {
	out := ListTables200JSONResponse{}
	for _, t := range h.snapshot().Tables {
		out = append(out, tableView(t))
	}
	return out, nil
}

// snapshot gives the API's copy of the catalog, an empty one before the first could be read.
func (h *handlers) snapshot() *catalog.Snapshot {
	if snap := h.cfg.Catalog.Current(); snap != nil {
		return snap
	}
	return &catalog.Snapshot{}
}

func tableView(t *catalog.Table) Table {
	match := make([]string, 0, len(t.Matches))
	for _, m := range t.Matches {
		match = append(match, m.String())
	}
	view := Table{Name: t.Name, Label: t.Label, Description: &t.Description, PrimaryKey: &t.PrimaryKey, Match: &match}
	for _, c := range t.Columns {
		if c.Name == t.Scope.Column {
			continue
		}
		readonly := c.Generated || c.Identity == "always" || c.Tags.Readonly
		col := TableColumn{
			Name: c.Name, Label: c.Label, Description: &c.Description, Type: c.Type, Readonly: &readonly,
			Required: c.NotNull && c.Default == "" && c.Identity == "" && !c.Generated,
		}
		if c.Labels != nil {
			col.Options = &c.Labels
		}
		for _, fk := range t.ForeignKeys {
			columns, _ := fk.Pairs(t)
			if len(columns) == 1 && columns[0] == c.Name && fk.Target != nil {
				col.References = &fk.Target.Name
			}
		}
		view.Columns = append(view.Columns, col)
	}
	return view
}

func (h *handlers) ListAudit(ctx context.Context, req ListAuditRequestObject) (ListAuditResponseObject, error) {
	q := req.Params
	limit, err := page(q.Limit, defaultPage)
	if err != nil {
		return nil, err
	}
	p := caller(ctx)
	if q.Tenant != nil && !p.Operator {
		return nil, fault.New(fault.Malformed, "tenant is for operators; others see their own tenant's log")
	}
	f := audit.Filter{Action: text(q.Action), Actor: text(q.Actor), Tenant: q.Tenant, Limit: limit}
	if q.After != nil {
		f.Before = *q.After
	}
	if q.Since != nil {
		f.Since = *q.Since
	}
	if q.Until != nil {
		f.Until = *q.Until
	}
	entries, err := h.cfg.Audit.List(ctx, p, f)
	if err != nil {
		return nil, fmt.Errorf("httpapi: list audit: %w", err)
	}
	res := ListAudit200JSONResponse{Body: append([]AuditEntry{}, entries...)}
	if n := len(entries); n == limit {
		res.Headers.Link = next("/api/v1/audit", true, strconv.FormatInt(entries[n-1].ID, 10),
			query(limit, "action", f.Action, "actor", f.Actor, "tenant", idText(q.Tenant), "since", timeText(q.Since), "until", timeText(q.Until)))
	}
	return res, nil
}

func idText(id *uuid.UUID) string {
	if id == nil {
		return ""
	}
	return id.String()
}

func (h *handlers) GetOpenAPI(context.Context, GetOpenAPIRequestObject) (GetOpenAPIResponseObject, error) {
	var doc map[string]any
	if err := json.Unmarshal(h.openapi, &doc); err != nil {
		return nil, fmt.Errorf("httpapi: decode openapi: %w", err)
	}
	return GetOpenAPI200JSONResponse(doc), nil
}

func (h *handlers) GetLive(context.Context, GetLiveRequestObject) (GetLiveResponseObject, error) {
	return GetLive200JSONResponse{Status: Ok}, nil
}

// GetReady tells what works and what does not. What is wrong is told in words, without addresses.
func (h *handlers) GetReady(ctx context.Context, _ GetReadyRequestObject) (GetReadyResponseObject, error) {
	health := Health{Status: Ok, Checks: &map[string]string{}}
	check := func(name string, err error) {
		(*health.Checks)[name] = "ok"
		if err == nil {
			return
		}
		health.Status = Failing
		(*health.Checks)[name] = "failing"
		if f, coded := fault.As(err); coded && f.Code != fault.Internal {
			(*health.Checks)[name] = f.Message
		}
		h.cfg.Log.WarnContext(ctx, "not ready", "check", name, "error", err)
	}
	check("database", pg.Translate(h.cfg.Pool.Ping(ctx)))
	check("migrations", h.cfg.Ready(ctx))
	check("objects", h.cfg.Objects.Ping(ctx))
	check("catalog", h.cfg.Catalog.Err())
	warnings := append([]string{}, h.snapshot().Warnings...)
	health.Warnings = &warnings
	if health.Status == Failing {
		return GetReady503JSONResponse(health), nil
	}
	return GetReady200JSONResponse(health), nil
}
