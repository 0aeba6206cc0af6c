package httpapi

import (
	"context"
	"fmt"
	"strconv"

	"wharf/internal/audit"
	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/tenancy"
)

// GetMe says who one is and may.
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

// ListTables shows the catalog.
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
		if c.Name != t.Scope.Column {
			view.Columns = append(view.Columns, columnView(t, c))
		}
	}
	return view
}

func columnView(t *catalog.Table, c *catalog.Column) TableColumn {
	readonly := t.Unwritable(c) != ""
	view := TableColumn{
		Name: c.Name, Label: c.Label, Description: &c.Description, Type: c.Type, Readonly: &readonly,
		Required: c.Needed(),
	}
	if c.Labels != nil {
		view.Options = &c.Labels
	}
	for _, fk := range t.ForeignKeys {
		columns, _ := fk.Pairs(t)
		if len(columns) == 1 && columns[0] == c.Name && fk.Target != nil {
			view.References = &fk.Target.Name
		}
	}
	return view
}

// ListAudit shows the audit log: a tenant's own, or to an operator every tenant's.
func (h *handlers) ListAudit(ctx context.Context, req ListAuditRequestObject) (ListAuditResponseObject, error) {
	q, p := req.Params, caller(ctx)
	if q.Tenant != nil && !p.Operator {
		return nil, errTenantFilter
	}
	limit := orElse(q.Limit, defaultPage)
	f := audit.Filter{Action: text(q.Action), Actor: text(q.Actor), Tenant: q.Tenant, Before: orElse(q.After, 0), Limit: limit + 1}
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
	var res ListAudit200JSONResponse
	res.Body, res.Headers.Link = paged(entries, limit, "/api/v1/audit",
		query(limit, "action", f.Action, "actor", f.Actor, "tenant", idText(q.Tenant), "since", timeText(q.Since), "until", timeText(q.Until)),
		func(e audit.Entry) string { return strconv.FormatInt(e.ID, 10) })
	return res, nil
}

// errTenantFilter is the answer to a tenant who asks for another's jobs or log by the operators' parameter.
var errTenantFilter = fault.New(fault.Malformed, "tenant is for operators; others see what is their own tenant's").
	WithFields(fault.Field{Field: "tenant", Message: "is for operators"})
