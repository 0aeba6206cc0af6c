package dump

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"wharf/internal/catalog"
)

// idMap says what ids of a document have become: n (of the document's row; NULL: it is the tenant's own already), s0… (what
// the document calls it), v0… (what it is called now).
type idMap struct {
	name    string
	table   *catalog.Table
	columns []*catalog.Column
}

// ready makes what the reference is looked up in.
func (m *merge) ready(ctx context.Context, t *merging, r *reference) (err error) {
	if r.ready {
		return nil
	}
	r.ready = true
	switch {
	case r.fk == nil && r.poly == nil:
		return m.nameMembers(ctx)
	case r.fk != nil:
		own, err := m.mapOf(ctx, r.fk.Target, r.targets)
		if err != nil {
			return err
		}
		r.maps = []*idMap{own}
		return nil
	}
	kind, _ := t.table.Column(r.poly.TypeColumn)
	var present []string
	if err := m.row(ctx, "look at the kinds of "+t.table.Name, `SELECT coalesce(array_agg(DISTINCT `+t.cell(kind)+`::text), '{}') FROM `+t.name+` s WHERE `+t.cell(kind)+` IS NOT NULL`, &present); err != nil {
		return err
	}
	for _, value := range slices.Sorted(maps.Keys(r.poly.Targets)) {
		target := r.poly.Targets[value]
		key := soleKey(target)
		if key == nil || !slices.Contains(present, value) {
			continue
		}
		own, err := m.mapOf(ctx, target, []*catalog.Column{key})
		if err != nil {
			return err
		}
		r.maps, r.kinds = append(r.maps, own), append(r.kinds, value)
	}
	return nil
}

// lookHome adds to a reference's maps the tenant's own rows that are named by the document and not in it.
func (m *merge) lookHome(ctx context.Context, t *merging, r *reference) error {
	for i, known := range r.maps {
		where := "true"
		if r.poly != nil {
			kind, _ := t.table.Column(r.poly.TypeColumn)
			where = t.cell(kind) + "::text = " + literal(r.kinds[i])
		}
		if err := m.addOwn(ctx, t, known, r.cols, where); err != nil {
			return err
		}
	}
	return nil
}

// mapOf gives what the document's rows of a table are called now, by these columns.
func (m *merge) mapOf(ctx context.Context, table *catalog.Table, cols []*catalog.Column) (*idMap, error) {
	id := mapID(table, cols)
	if made := m.maps[id]; made != nil {
		return made, nil
	}
	made := &idMap{table: table, columns: cols}
	m.maps[id] = made
	sql := ""
	t := m.of[table]
	if t == nil || t.rows == 0 {
		sql = m.noRows(made)
	} else {
		numbered := len(cols) == 1 && cols[0] == t.key && t.minted && t.mint == nil
		var err error
		if sql, err = m.rowsOf(ctx, t, cols, numbered); err != nil {
			return nil, err
		}
		if numbered {
			t.numbers = made
		}
	}
	var rows int64
	var err error
	if made.name, rows, err = m.create(ctx, "map the ids of "+table.Name, sql); err != nil || rows == 0 {
		return made, err
	}
	if err := m.checkTwice(ctx, made); err != nil {
		return nil, err
	}
	return made, m.measure(ctx, made.name)
}

func mapID(table *catalog.Table, cols []*catalog.Column) string {
	id := table.Name
	for _, c := range cols {
		id += fmt.Sprintf(" %d", c.Num)
	}
	return id
}

func (m *merge) noRows(of *idMap) string {
	cols := []string{"NULL::bigint AS n"}
	for i, c := range of.columns {
		cols = append(cols, fmt.Sprintf("NULL::%s AS s%d, NULL::%s AS v%d", c.BaseType, i, c.BaseType, i))
	}
	return "SELECT " + strings.Join(cols, ", ") + " WHERE false"
}

func (m *merge) rowsOf(ctx context.Context, t *merging, cols []*catalog.Column, numbered bool) (string, error) {
	from, err := m.from(ctx, t, cols)
	if err != nil {
		return "", err
	}
	cells := []string{"s.n"}
	for i, c := range cols {
		now := t.final(c)
		if numbered {
			now = t.nextNumber()
			if t.found != "" {
				now = fmt.Sprintf("CASE WHEN f.n IS NULL THEN %s ELSE f.k%d END", now, slices.Index(t.identity, c))
			}
		}
		cells = append(cells, fmt.Sprintf("%s AS s%d, (%s)::%s AS v%d", t.cell(c), i, now, c.BaseType, i))
	}
	sql := "SELECT " + strings.Join(cells, ", ") + " FROM " + from
	if t.found != "" {
		sql += " LEFT JOIN " + t.found + " f ON f.n = s.n"
	}
	if t.skipped != "" {
		sql += " WHERE true" + t.kept()
	}
	if numbered { // numbers in the document's order
		sql += " ORDER BY s.n"
	}
	return sql, nil
}

// nextNumber gives a new value of a key that the database numbers.
func (t *merging) nextNumber() string {
	if t.key.Identity != "" {
		return "nextval(pg_get_serial_sequence(" + literal(t.table.Ident()) + ", " + literal(t.key.Name) + "))"
	}
	return t.key.Default
}

// checkTwice makes sure that what rows are called by names one of them.
func (m *merge) checkTwice(ctx context.Context, of *idMap) error {
	var keys, filled, names []string
	for i, c := range of.columns {
		keys = append(keys, fmt.Sprintf("s%d", i))
		filled = append(filled, fmt.Sprintf("s%d IS NOT NULL", i))
		names = append(names, c.Name)
	}
	return m.checkUnique(ctx, of.table, strings.Join(names, ", "), of.name+" WHERE "+strings.Join(filled, " AND "), strings.Join(keys, ", "))
}

// checkIDs does the same for a table that nothing refers to: whoever names two rows alike has made a mistake.
func (m *merge) checkIDs(ctx context.Context, t *merging) error {
	if t.key == nil || !t.creates() || !t.minted || !t.gives(t.key) || m.maps[mapID(t.table, []*catalog.Column{t.key})] != nil {
		return nil
	}
	cell := t.cell(t.key)
	return m.checkUnique(ctx, t.table, t.key.Name, t.name+" s WHERE "+cell+" IS NOT NULL", cell)
}

// checkUnique makes sure that no two rows n have one key.
func (m *merge) checkUnique(ctx context.Context, table *catalog.Table, named, from, key string) error {
	var first, second []int64
	err := m.row(ctx, "look for equal keys of "+table.Name, `
SELECT coalesce(array_agg(a), '{}'), coalesce(array_agg(z), '{}') FROM (
    SELECT min(n) AS a, max(n) AS z FROM `+from+` GROUP BY `+key+` HAVING count(*) > 1 LIMIT 1) x`, &first, &second)
	if err != nil || len(first) == 0 {
		return err
	}
	return rowFault(table.Name, second[0], named, fmt.Sprintf("is that of row %d already", first[0]))
}

// addOwn does so for one map.
func (m *merge) addOwn(ctx context.Context, t *merging, to *idMap, cols []*catalog.Column, where string) error {
	var cells, same, on, own []string
	for i, c := range cols {
		target := to.columns[i]
		cells = append(cells, fmt.Sprintf("%s AS d%d", t.cell(c), i))
		same = append(same, fmt.Sprintf("m.s%d = %s", i, comparableTo(c, target, t.cell(c))))
		on = append(on, fmt.Sprintf("x.%s = %s", target.Ident(), comparableTo(c, target, fmt.Sprintf("d.d%d", i))))
		own = append(own, fmt.Sprintf("x.%[1]s::%[2]s, x.%[1]s::%[2]s", target.Ident(), target.BaseType))
		where += " AND " + t.cell(c) + " IS NOT NULL"
	}
	_, err := m.exec(ctx, "look for own rows of "+to.table.Name, `
INSERT INTO `+to.name+` SELECT NULL, `+strings.Join(own, ", ")+`
FROM (SELECT DISTINCT `+strings.Join(cells, ", ")+` FROM `+t.name+` s LEFT JOIN `+to.name+` m ON `+strings.Join(same, " AND ")+`
      WHERE m.s0 IS NULL AND `+where+`) d
JOIN `+to.table.Ident()+` x ON `+strings.Join(on, " AND ")+` AND `+to.table.TenantPredicate("x", m.tenant))
	return err
}

// comparableTo gives a cell of c in the type of the column that it refers to. Polymorphic ids may be of another.
func comparableTo(c, target *catalog.Column, cell string) string {
	if c.BaseType == target.BaseType || c.Kind == target.Kind {
		return cell
	}
	return cell + "::text::" + target.BaseType
}

// nameMembers makes the table of users: src (what documents call them), id.
func (m *merge) nameMembers(ctx context.Context) error {
	if m.members != "" {
		return nil
	}
	users := ident(stagingSchema, m.spec.Prefix+"_users")
	var named bool
	if err := m.row(ctx, "look for users", `SELECT to_regclass(`+literal(users)+`) IS NOT NULL`, &named); err != nil {
		return err
	}
	known := `SELECT NULL::text AS id, NULL::text AS email WHERE false`
	if named {
		known = `SELECT DISTINCT ON (lower(id)) lower(id) AS id, email FROM ` + users + ` ORDER BY lower(id)`
	}
	name, _, err := m.create(ctx, "name the members", `
WITH u AS MATERIALIZED (`+known+`), w AS MATERIALIZED (SELECT user_id, email FROM wharf.members())
SELECT u.id AS src, w.user_id AS id FROM u JOIN w ON lower(w.email) = lower(u.email)
UNION ALL SELECT w.user_id::text, w.user_id FROM w WHERE NOT EXISTS (SELECT FROM u WHERE u.id = w.user_id::text)`)
	m.members = name
	return err
}
