package load

import (
	"fmt"
	"slices"
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

// among gives the tenant's rows of table that on names, to be joined under the alias t. The explicit predicate stands beside
// row security. extra is a further condition on t, "" for none; indexed says that an index serves on.
//
// A few rows are looked up in the index one by one. That is said here and not left to Postgres, which would read the whole
// table instead, or go through it once a row, where its statistics are missing or old.
func (m *merge) among(table *catalog.Table, extra, on string, indexed bool) string {
	return m.read("t.*", table, extra, on, indexed)
}

// read is among with a choice of what is read of each row.
func (m *merge) read(what string, table *catalog.Table, extra, on string, indexed bool) string {
	rows := "(SELECT " + what + " FROM " + table.Ident() + " t WHERE " + table.TenantPredicate("t", m.tenant)
	if extra != "" {
		rows += " AND " + extra
	}
	if indexed && !m.large {
		return "LATERAL " + rows + " AND " + on + " OFFSET 0) t ON true" // OFFSET keeps it from becoming a plain join
	}
	return rows + ") t ON " + on
}

// lookable reports whether an index of the column can be used beside row security: only if its equality gives nothing away
// (is leakproof, as Postgres says) may it come before the policy.
func lookable(c *catalog.Column) bool {
	switch c.Kind {
	case catalog.KindUUID, catalog.KindInteger, catalog.KindDate, catalog.KindTimestamp, catalog.KindTimestampTZ, catalog.KindBoolean, catalog.KindBytes:
		return true
	case catalog.KindText:
		return c.BaseType == "text" || strings.HasPrefix(c.BaseType, "character")
	}
	return false
}

func unlookable(c *catalog.Column) bool { return !lookable(c) }

// lookableKeys reports whether a unique index of the keys can be used beside row security: each is a column that can, or
// lower(column) where the database's administrator says that lower gives nothing away.
func (m *merge) lookableKeys(t *catalog.Table, keys []catalog.IndexKey) bool {
	return !slices.ContainsFunc(keys, func(k catalog.IndexKey) bool {
		if len(k.Columns) != 1 || k.Column == "" && (!m.lowerIsSafe || !lowers(k)) {
			return true
		}
		c, ok := t.Column(k.Columns[0])
		return !ok || !lookable(c)
	})
}

// lowers reports whether the key is lower(column).
func lowers(k catalog.IndexKey) bool {
	return k.Column == "" && len(k.Columns) == 1 && (catalog.Match{Keys: []catalog.IndexKey{k}}).String() == "lower("+ident(k.Columns[0])+")"
}

// tenantLiteral gives the tenant as SQL: a uuid in its text form needs no quoting.
func tenantLiteral(tenant uuid.UUID) string { return "'" + tenant.String() + "'::uuid" }
