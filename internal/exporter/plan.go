package exporter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/catalog"
	"wharf/internal/fault"
)

// plan is what an export reads, in the order in which it is written.
type plan struct {
	tables   []planned
	warnings []string
}

// planned is one table of a plan, and which of its rows.
type planned struct {
	*catalog.Table
	columns  []*catalog.Column   // all of the table's, unless the plan leaves some out
	where    string              // SQL over the row x; it holds the tenant's predicate
	args     []any               // of where: $1 is the tenant
	why      string              // of scope subject: what ties the rows to the record
	narrowed bool                // by Request.Since
	nested   []planned           // tables whose rows a dump shows inside the table's
	link     *catalog.ForeignKey // of a nested one: to the table that it sits in
}

// rowAlias is the row in planned.where.
const rowAlias = "x"

// wholeTable plans all of the tenant's rows of a table.
func wholeTable(t *catalog.Table, tenant uuid.UUID) planned {
	return planned{Table: t, columns: t.Columns, where: t.TenantPredicate(rowAlias, "$1"), args: []any{tenant}}
}

// planFor plans the request against the catalog as tx sees it, and makes sure that all of it can be read: Invalid where the
// request does not fit the catalog (any more), Forbidden for a table that the role may not read, ErrNoKeys for encrypted
// columns without a key ring.
func (s *Service) planFor(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, req Request) (plan, error) {
	p, err := s.chosen(ctx, tx, tenant, req)
	if err != nil {
		return plan{}, err
	}
	if err := readable(ctx, tx, every(p.tables)); err != nil {
		return plan{}, err
	}
	return p, s.openable(every(p.tables))
}

// chosen gives the tables of the request's scope. Invalid with fields if the request does not fit the catalog.
func (s *Service) chosen(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, req Request) (plan, error) {
	snap, err := s.cfg.Catalog(ctx, tx)
	if err != nil {
		return plan{}, err
	}
	if err := req.check(snap); err != nil {
		return plan{}, err
	}
	return s.choose(ctx, tx, snap, tenant, req)
}

// choose gives the tables of the request's scope in foreign-key order; in a dump, those that sit inside others are there.
func (s *Service) choose(ctx context.Context, tx pgx.Tx, snap *catalog.Snapshot, tenant uuid.UUID, req Request) (plan, error) {
	if req.Scope == ScopeSubject {
		return planSubject(ctx, tx, snap, tenant, req)
	}
	var p plan
	for _, t := range snap.Tables {
		if req.wants(t) {
			p.tables = append(p.tables, wholeTable(t, tenant))
		}
	}
	if req.Format == FormatDump {
		p.tables = nest(p.tables)
	}
	if req.Since != nil {
		p.narrow(*req.Since)
	}
	return p, nil
}

// wants reports whether the request, of another scope than subject, is for the table.
func (r Request) wants(t *catalog.Table) bool {
	switch {
	case slices.Contains(r.Exclude, t.Name):
		return false
	case r.Scope == ScopeTables:
		return slices.Contains(r.Tables, t.Name)
	}
	return r.Format != FormatDump || inDump(t, r.Include)
}

// planSubject plans what belongs to one record. tx is where it will be read. Nothing is nested: a row may belong to the record,
// and the row that it sits in not.
func planSubject(ctx context.Context, tx pgx.Tx, snap *catalog.Snapshot, tenant uuid.UUID, req Request) (plan, error) {
	all, err := subject(ctx, tx, snap, tenant, req.Subject.Table, req.Subject.ID)
	if err != nil {
		return plan{}, err
	}
	var p plan
	var left []string
	for _, r := range all {
		if req.Format == FormatDump && !inDump(r.Table, req.Include) {
			left = append(left, r.Table.Name)
			continue
		}
		p.tables = append(p.tables, planned{Table: r.Table, columns: r.Table.Columns, where: r.Where, args: r.Args, why: r.Why})
	}
	if len(left) > 0 {
		p.warnings = append(p.warnings, "a dump leaves out what is operational, and what is optional unless include names its group; "+
			"rows of the record are in: "+strings.Join(left, ", "))
	}
	return p, nil
}

const unreadable = `SELECT t.name FROM unnest($1::oid[], $2::text[]) AS t (oid, name) JOIN pg_catalog.pg_class c USING (oid)
WHERE NOT (has_schema_privilege(c.relnamespace, 'USAGE') AND (has_table_privilege(oid, 'SELECT') OR NOT EXISTS (
    SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = oid AND a.attnum > 0 AND NOT a.attisdropped
      AND NOT has_column_privilege(oid, a.attnum, 'SELECT'))))
ORDER BY t.name LIMIT 1`

// readable fails the export by name if the role that reads may not read a table: it must not vanish. The catalog's own note
// of it may be another role's.
func readable(ctx context.Context, tx pgx.Tx, tables []planned) error {
	oids, names := make([]uint32, len(tables)), make([]string, len(tables))
	for i, t := range tables {
		oids[i], names[i] = t.OID, t.Name
	}
	var name string
	switch err := tx.QueryRow(ctx, unreadable, oids, names).Scan(&name); {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("exporter: look for tables that cannot be read: %w", err)
	}
	return fault.Newf(fault.Forbidden, "the table %s cannot be read by the service's role; grant SELECT on it", name)
}

// openable fails an export of encrypted columns before it begins if there are no keys.
func (s *Service) openable(tables []planned) error {
	for _, t := range tables {
		for _, c := range t.columns {
			if c.Tags.Encrypted && !c.Tags.Redact {
				return s.cfg.Crypt.Ready() //nolint:wrapcheck // a sentence of its own
			}
		}
	}
	return nil
}
