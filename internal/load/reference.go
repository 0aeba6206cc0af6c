package load

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"wharf/internal/catalog"
)

// reference is a foreign key that one staged column gives: by the target's id or by one of its natural keys.
type reference struct {
	target *catalog.Table
	key    *catalog.Column // of the target: what the foreign key holds
}

// referenceOf gives the reference that c holds, nil if it is no foreign key to a tenant's table.
func referenceOf(t *catalog.Table, c *catalog.Column) (*reference, error) {
	for i := range t.ForeignKeys {
		fk := &t.ForeignKeys[i]
		at := effective(t, fk)
		for _, n := range at {
			if fk.Columns[n] != c.Name {
				continue
			}
			switch {
			case fk.Target == nil:
				return nil, fmt.Errorf("%s refers to %s, which belongs to no tenant", c.Name, fk.TargetName)
			case len(at) > 1:
				return nil, fmt.Errorf("%s is part of a reference of several columns (%s)", c.Name, fk.Name)
			}
			key, _ := fk.Target.Column(fk.TargetColumns[n])
			return &reference{target: fk.Target, key: key}, nil
		}
	}
	return nil, nil
}

// effective gives the positions of the key's columns other than the tenant's.
func effective(t *catalog.Table, fk *catalog.ForeignKey) []int {
	var at []int
	for n, name := range fk.Columns {
		if name != t.Scope.Column {
			at = append(at, n)
		}
	}
	return at
}

// findReferences looks up what the staged references name. Each distinct text is looked up once, set-based, among the
// tenant's rows only; what names none or several is an error of its rows.
func (m *merge) findReferences(ctx context.Context) error {
	for i, c := range m.plan.cols {
		if c.ref == nil {
			continue
		}
		if _, err := m.exec(ctx, "look up "+c.Name, m.referenceSQL(i), m.plan.spec.Tenant); err != nil {
			return err
		}
		missing := fmt.Sprintf("%s names no row of %s", c.label(), c.ref.target.Label)
		several := fmt.Sprintf("%s names several rows of %s", c.label(), c.ref.target.Label)
		_, err := m.exec(ctx, "mark "+c.Name, m.sql(`
UPDATE {staging} u SET {errors} = {addError}
FROM {ref} r
WHERE r.given = u.{col} AND r.hits <> 1`, "{ref}", m.beside(refSuffix(i)), "{col}", ident(c.Name),
			"{addError}", addError("u", "$1", "'reference'", "CASE r.hits WHEN 0 THEN $2::text ELSE $3::text END", "left(u."+ident(c.Name)+", 200)")),
			c.Name, missing, several)
		if err != nil {
			return err
		}
	}
	return nil
}

func refSuffix(i int) string { return fmt.Sprintf("_r%d", i) }

// referenceSQL fills a table given → id, hits: the best rank of match wins (the id itself, then natural keys in order).
func (m *merge) referenceSQL(i int) string {
	c := m.plan.cols[i]
	t := c.ref.target
	var ways []string
	if guard := asKey(c.ref.key, "g.given"); guard != "" {
		ways = append(ways, m.sql(`
    SELECT g.given, t.{key} AS id, 0 AS rank FROM g JOIN {target} t ON t.{key} = {guard}`,
			"{target}", tenantRows(t, ""), "{key}", ident(c.ref.key.Name), "{guard}", guard))
	}
	for n, match := range t.Matches {
		if len(match.Keys) != 1 || len(match.Keys[0].Columns) != 1 {
			continue
		}
		col, _ := t.Column(match.Keys[0].Columns[0])
		if col.Kind != catalog.KindText {
			continue
		}
		ways = append(ways, m.sql(`
    SELECT g.given, t.{key}, {rank} FROM (SELECT given, given::{type} AS {col} FROM g) g JOIN {target} t ON {theirs} = {ours}`,
			"{target}", tenantRows(t, live(t)), "{key}", ident(c.ref.key.Name), "{col}", ident(col.Name), "{type}", "text",
			"{rank}", fmt.Sprint(n+1), "{theirs}", t.Expr(match.Keys[0], "t"), "{ours}", t.Expr(match.Keys[0], "g")))
	}
	return m.sql(`
CREATE UNLOGGED TABLE {ref} AS
WITH g AS (SELECT DISTINCT {col} AS given FROM {staging} WHERE {col} IS NOT NULL),
found AS (SELECT given, id, rank, min(rank) OVER (PARTITION BY given) AS best FROM ({ways}) w)
SELECT g.given, (array_agg(f.id) FILTER (WHERE f.rank = f.best))[1] AS id,
       count(DISTINCT f.id) FILTER (WHERE f.rank = f.best) AS hits
FROM g LEFT JOIN found f ON f.given = g.given GROUP BY g.given`,
		"{ref}", m.beside(refSuffix(i)), "{col}", ident(c.Name), "{ways}", strings.Join(ways, " UNION ALL "))
}

// asKey gives SQL that turns text into the key's type where it has that form, and into NULL where it does not; "" if the
// type has no form that can be told beforehand.
func asKey(key *catalog.Column, text string) string {
	switch key.Kind {
	case catalog.KindUUID:
		return `CASE WHEN ` + text + ` ~* '^[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$' THEN ` + text + `::uuid END`
	case catalog.KindInteger:
		return `CASE WHEN ` + text + ` ~ '^-?[0-9]{1,18}$' THEN ` + text + `::bigint END`
	case catalog.KindText, catalog.KindEnum:
		return text + `::` + key.Type
	default:
		return ""
	}
}

// live gives the condition under which a row of t can be named by a natural key.
func live(t *catalog.Table) string {
	if _, ok := t.Column("deleted_at"); ok {
		return "x.deleted_at IS NULL"
	}
	return ""
}

// tenantRows gives a sub-select of the tenant's rows of t; $1 is the tenant. The explicit predicate stands beside row
// security. extra is a further condition on the alias x.
func tenantRows(t *catalog.Table, extra string) string {
	where := t.TenantPredicate("x", "$1")
	if extra != "" {
		where += " AND " + extra
	}
	return `(SELECT x.* FROM ` + t.Ident() + ` x WHERE ` + where + `)`
}

// findPolys checks polymorphic references that the file gives: the type must be one the column knows, and the id one of
// the tenant's rows of that type.
func (m *merge) findPolys(ctx context.Context) error {
	for _, poly := range m.plan.table.Polys {
		id, typ := m.plan.staged(poly.IDColumn), m.plan.staged(poly.TypeColumn)
		if id == nil {
			continue
		}
		if typ == nil {
			return errPolyHalf(poly)
		}
		known := make([]string, 0, len(poly.Targets))
		for name, target := range poly.Targets {
			known = append(known, name)
			key := ident(target.PrimaryKey[0])
			_, err := m.exec(ctx, "check "+poly.IDColumn, m.sql(`
UPDATE {staging} u SET {errors} = {addError}
WHERE u.{type} = $3 AND u.{id} IS NOT NULL AND NOT EXISTS (SELECT FROM {target} t WHERE t.{key}::text = u.{id}::text)`,
				"{type}", ident(typ.Name), "{id}", ident(id.Name), "{target}", tenantRows(target, ""), "{key}", key,
				"{addError}", addError("u", "$2", "'reference'", "$4", "u."+ident(id.Name)+"::text")),
				m.plan.spec.Tenant, id.Name, name, fmt.Sprintf("%s names no row of %s", id.label(), target.Label))
			if err != nil {
				return err
			}
		}
		_, err := m.exec(ctx, "check "+poly.TypeColumn, m.sql(`
UPDATE {staging} u SET {errors} = {addError}
WHERE u.{id} IS NOT NULL AND (u.{type} IS NULL OR u.{type} <> ALL ($2))`,
			"{type}", ident(typ.Name), "{id}", ident(id.Name),
			"{addError}", addError("u", "$1", "'reference'", "$3", "u."+ident(typ.Name))),
			typ.Name, known, fmt.Sprintf("%s must be one of %s", typ.label(), strings.Join(sorted(known), ", ")))
		if err != nil {
			return err
		}
	}
	return nil
}

// staged gives the plan's column of that name, nil if it is not staged.
func (p *Plan) staged(name string) *column {
	for i := range p.cols {
		if p.cols[i].Name == name {
			return &p.cols[i]
		}
	}
	return nil
}

var _ pgx.Tx
