package load

import (
	"fmt"
	"strings"

	"github.com/google/uuid"

	"wharf/internal/catalog"
)

// source gives the staged rows in the target's own types, under the alias s and the names of staging: casts for what was
// staged as text, found references for what names another row. Of the nth column, a reference, hn is the number of rows it
// names, ln the line of the file that brings the row, gn what the file gave. A row with errors gives no cast, which could
// fail.
func (p *Plan) source(name string) string {
	cells := []string{"s.line", "s.errors"}
	if p.mint != nil {
		cells = append(cells, "s.id")
	}
	joins, plain := "", true
	for _, ref := range p.references() {
		joins += ref.join(name)
	}
	for i := range p.cols {
		c := &p.cols[i]
		switch {
		case c.ref != nil:
			plain = false
			cells = append(cells, fmt.Sprintf("r%d.id AS c%d, r%d.hits AS h%d, r%d.line AS l%d, s.c%d AS g%d", i, i, i, i, i, i, i, i))
		case c.cast != "":
			plain = false
			cells = append(cells, fmt.Sprintf("CASE WHEN s.errors IS NULL THEN s.%s::%s END AS %s", c.cell(), c.cast, c.cell()))
		default:
			cells = append(cells, c.s())
		}
	}
	if plain {
		return beside(name, "") + " s"
	}
	return "(SELECT " + strings.Join(cells, ", ") + " FROM " + beside(name, "") + " s" + joins + ") s"
}

// rowsOf gives a sub-select of the tenant's rows of t. The explicit predicate stands beside row security. extra is a further
// condition on the alias x, "" for none.
func rowsOf(t *catalog.Table, tenant uuid.UUID, extra string) string {
	where := t.TenantPredicate("x", tenantLiteral(tenant))
	if extra != "" {
		where += " AND " + extra
	}
	return "(SELECT x.* FROM " + t.Ident() + " x WHERE " + where + ")"
}

// tenantLiteral gives the tenant as SQL: a uuid in its text form needs no quoting.
func tenantLiteral(tenant uuid.UUID) string { return "'" + tenant.String() + "'::uuid" }
