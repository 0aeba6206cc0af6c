package load

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"wharf/internal/catalog"
)

// lookInTheWay finds the rows that refer to those which are to go, other than those which go with them. Deleting would fail,
// take them along, or empty their reference; none of that is what the reversal is asked for.
func (r *revert) lookInTheWay(ctx context.Context) error {
	if r.head.Created == 0 {
		return nil
	}
	for _, d := range r.of.Catalog.Dependents(r.table) {
		if err := r.lookAt(ctx, r.dependent(d)); err != nil {
			return err
		}
	}
	return r.lookOutside(ctx)
}

// referring is a table x whose rows may refer to the table's row t.
type referring struct {
	table   string // for people
	columns []string
	ident   string // SQL
	on      string // the condition under which x refers to t
	where   string // over x
	key     string // of x, a text
}

func (r *revert) dependent(d catalog.Dependent) referring {
	x := referring{table: d.Table.Name, ident: d.Table.Ident(), where: d.Table.TenantPredicate("x", r.tenant)}
	if other := r.find(d.Table); other != nil { // whose created rows go as well
		x.where += " AND NOT EXISTS (SELECT FROM " + other.gone + " WHERE wharf_of = x.tableoid AND wharf_at = x.ctid)"
	}
	var parts []string
	for _, c := range d.Table.Key() {
		if c.Name != d.Table.Scope.Column {
			parts = append(parts, "x."+c.Ident()+"::text")
		}
	}
	x.key = "concat_ws(', ', " + strings.Join(append(parts, "NULL"), ", ") + ")"
	if d.Poly != nil {
		id, _ := d.Table.Column(d.Poly.IDColumn)
		x.columns = []string{d.Poly.IDColumn}
		x.on = "x." + ident(d.Poly.TypeColumn) + "::text = " + literal(d.Value) + " AND x." + id.Ident() + " = t." + SoleKey(r.table).Ident() + "::" + id.BaseType
		return x
	}
	x.columns, _ = d.Key.Pairs(d.Table)
	x.on = pairs(d.Key.Columns, d.Key.TargetColumns)
	return x
}

func pairs(columns, targets []string) string {
	same := make([]string, 0, len(columns))
	for i, c := range columns {
		same = append(same, "x."+ident(c)+" = t."+ident(targets[i]))
	}
	return strings.Join(same, " AND ")
}

func (r *revert) lookAt(ctx context.Context, x referring) error {
	from := ` FROM ` + x.ident + ` x JOIN ` + r.table.Ident() + ` t ON ` + r.table.TenantPredicate("t", r.tenant) + ` AND ` + x.on + `
JOIN ` + r.gone + ` g ON g.wharf_of = t.tableoid AND g.wharf_at = t.ctid WHERE ` + x.where
	way := InTheWay{Table: x.table, Column: strings.Join(x.columns, ", ")}
	if err := r.row(ctx, "look for references", `SELECT count(*)`+from, &way.Rows); err != nil || way.Rows == 0 {
		return err
	}
	if x.key != "" {
		err := r.row(ctx, "name references", fmt.Sprintf(`SELECT array_agg(key) FROM (SELECT %s AS key%s LIMIT %d) k`, x.key, from, maxSamples), &way.Keys)
		if err != nil {
			return err
		}
	}
	r.out.InTheWay = append(r.out.InTheWay, way)
	return nil
}

// outside finds foreign keys onto the table which the catalog does not know, since their tables belong to no tenant, and by
// which rows would go or lose their reference without a word.
const outside = `
SELECT c.conrelid::regclass::text AS name, has_table_privilege(c.conrelid, 'SELECT') AS readable, c.conrelid AS oid,
       (SELECT array_agg(a.attname::text ORDER BY k.n) FROM unnest(c.conkey) WITH ORDINALITY k(num, n)
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.num) AS columns,
       (SELECT array_agg(a.attname::text ORDER BY k.n) FROM unnest(c.confkey) WITH ORDINALITY k(num, n)
        JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.num) AS targets
FROM pg_constraint c WHERE c.contype = 'f' AND c.confrelid = $1 AND c.conparentid = 0 AND c.confdeltype IN ('c', 'n', 'd')`

func (r *revert) lookOutside(ctx context.Context) error {
	rows, err := r.tx.Query(ctx, outside, r.table.OID)
	if err != nil {
		return fmt.Errorf("load: look for foreign keys: %w", err)
	}
	type key struct {
		Name     string
		Readable bool
		OID      uint32
		Columns  []string
		Targets  []string
	}
	keys, err := pgx.CollectRows(rows, pgx.RowToStructByName[key])
	if err != nil {
		return fmt.Errorf("load: look for foreign keys: %w", err)
	}
	for _, k := range keys {
		known := slices.ContainsFunc(r.of.Catalog.Dependents(r.table), func(d catalog.Dependent) bool { return d.Table.OID == k.OID && d.Key != nil })
		switch {
		case known:
		case !k.Readable:
			r.out.InTheWay = append(r.out.InTheWay, InTheWay{Table: k.Name, Column: strings.Join(k.Columns, ", "), Rows: -1})
		default:
			err := r.lookAt(ctx, referring{table: k.Name, columns: k.Columns, ident: k.Name, on: pairs(k.Columns, k.Targets), where: "true"})
			if err != nil {
				return err
			}
		}
	}
	return nil
}
