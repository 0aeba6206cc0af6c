package exporter

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"wharf/internal/catalog"
)

// inDump reports whether a dump of all tables holds the table. One that sits in another is part of it: it is left out where that is.
func inDump(t *catalog.Table, include []string) bool {
	if t.Operational || (t.Optional != "" && !slices.Contains(include, t.Optional)) {
		return false
	}
	up := nestedBy(t)
	return up == nil || inDump(up.Target, include)
}

// operational reports whether the table, or one that it sits in, is.
func operational(t *catalog.Table) bool {
	up := nestedBy(t)
	return t.Operational || (up != nil && operational(up.Target))
}

// nestedBy gives the reference to the table that t sits in, or nil. The catalog refuses circles of them.
func nestedBy(t *catalog.Table) *catalog.ForeignKey {
	for i := range t.ForeignKeys {
		if t.ForeignKeys[i].Nested {
			return &t.ForeignKeys[i]
		}
	}
	return nil
}

// nest puts tables into those that they sit in. One whose parent is not of the plan stands by itself, for nothing that was asked
// for may be missing.
func nest(tables []planned) []planned {
	inside := map[*catalog.Table][]planned{}
	var roots []planned
	for _, t := range tables {
		t.link = nestedBy(t.Table)
		if t.link == nil || !slices.ContainsFunc(tables, func(p planned) bool { return p.Table == t.link.Target }) {
			t.link = nil
			roots = append(roots, t)
			continue
		}
		inside[t.link.Target] = append(inside[t.link.Target], t)
	}
	var fill func(list []planned)
	fill = func(list []planned) {
		for i := range list {
			list[i].nested = inside[list[i].Table]
			fill(list[i].nested)
		}
	}
	fill(roots)
	return roots
}

// every gives the tables and those that sit inside them.
func every(tables []planned) (all []planned) {
	for _, t := range tables {
		all = append(append(all, t), every(t.nested)...)
	}
	return all
}

func names(tables []planned) []string {
	all := make([]string, len(tables))
	for i, t := range tables {
		all[i] = t.Name
	}
	return all
}

// alias names the row of a level in statements about nested rows: x for the outermost, then x1, x2, …
func alias(level int) string {
	if level == 0 {
		return rowAlias
	}
	return rowAlias + strconv.Itoa(level)
}

// joined gives the condition that the row of the level sits in that of the level above.
func (t planned) joined(level int) string {
	on := make([]string, len(t.link.Columns))
	for i, name := range t.link.Columns {
		on[i] = alias(level) + "." + pgx.Identifier{name}.Sanitize() + " = " +
			alias(level-1) + "." + pgx.Identifier{t.link.TargetColumns[i]}.Sanitize()
	}
	return strings.Join(on, " AND ")
}

// warnOfOrphans warns of rows of the tenant's whose parent is not: a foreign key does not see the wall, a policy of the product
// may hide one and not the other. They sit in no row of the document.
func (r *run) warnOfOrphans(ctx context.Context, tx pgx.Tx) error {
	for _, t := range every(r.plan.tables) {
		if t.link == nil || t.Scope.Column == "" { // those of a table without the column are seen by their parents only
			continue
		}
		var n int64
		err := tx.QueryRow(ctx, "SELECT count(*) FROM "+t.Ident()+" "+alias(1)+" WHERE "+t.TenantPredicate(alias(1), "$1")+
			" AND NOT EXISTS (SELECT FROM "+t.link.Target.Ident()+" "+rowAlias+" WHERE "+t.joined(1)+" AND "+
			t.link.Target.TenantPredicate(rowAlias, "$1")+")", r.p.Tenant).Scan(&n)
		if err != nil {
			return fmt.Errorf("exporter: look for rows of %s without the row they sit in: %w", t.Name, err)
		}
		if n > 0 {
			r.warn(fmt.Sprintf("%d rows of %s are not here: the rows of %s that they sit in are not the tenant's", n, t.Name, t.link.Target.Name))
		}
	}
	return nil
}
