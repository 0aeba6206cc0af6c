package load

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"wharf/internal/catalog"
	"wharf/internal/fault"
)

// Counts are what became of the staged rows.
type Counts struct {
	Created   int64
	Updated   int64
	Unchanged int64
	Skipped   int64 // rows with errors
	Errors    int64 // failing rules, of all rows
}

// merge is one run of a plan's statements in a transaction.
type merge struct {
	plan *Plan
	tx   pgx.Tx
	name string // of the staging table
}

// Mark adds the errors that only the whole file shows (unique cells). It is all there is to do for rows without a table.
func (p *Plan) Mark(ctx context.Context, tx pgx.Tx, name string) error {
	m := &merge{plan: p, tx: tx, name: name}
	return m.markUniques(ctx)
}

// Merge writes the staged rows into the table: tx carries the tenant, and commits or rolls back all of it. It serialises
// with other merges into the same table of the same tenant. Rows that cannot be written keep their errors in staging.
func (p *Plan) Merge(ctx context.Context, tx pgx.Tx, name string) (Counts, error) {
	m := &merge{plan: p, tx: tx, name: name}
	if err := m.prepare(ctx); err != nil {
		return Counts{}, err
	}
	for _, step := range []func(context.Context) error{
		m.findReferences, m.markUniques, m.findPolys, m.checkCasts, m.markDuplicates, m.findRows, m.checkRows,
	} {
		if err := step(ctx); err != nil {
			return Counts{}, err
		}
	}
	updated, err := m.update(ctx)
	if err != nil {
		return Counts{}, err
	}
	created, err := m.insert(ctx)
	if err != nil {
		return Counts{}, err
	}
	return m.count(ctx, created, updated)
}

// prepare takes the lock that serialises merges and fits the planner to large sets.
func (m *merge) prepare(ctx context.Context) error {
	_, err := m.exec(ctx, "lock", `SELECT pg_advisory_xact_lock(hashtextextended($1, 0)), set_config('work_mem', $2, true)`,
		m.plan.spec.Tenant.String()+" "+m.plan.table.Ident(), fmt.Sprintf("%dMB", m.plan.spec.WorkMemMB))
	if err != nil {
		return err
	}
	// A target without statistics looks small to the planner, which then loops over it once a staged row.
	_, err = m.exec(ctx, "fit the planner", m.sql(`
SELECT set_config('enable_nestloop', CASE WHEN reltuples > 20000 THEN 'off' ELSE 'on' END, true)
FROM pg_class WHERE oid = $1::regclass`), staging(m.name, ""))
	return err
}

// source gives the staged rows in the target's own types: casts for what was staged as text, found references for what
// names another row. Its alias is s.
func (m *merge) source() string {
	p := m.plan
	cols := []string{"s0." + rowColumn, "s0." + errorsColumn}
	if p.mint {
		cols = append(cols, "s0."+idColumn)
	}
	var joins strings.Builder
	plain := true
	for i, c := range p.cols {
		name := ident(c.Name)
		switch {
		case c.ref != nil:
			plain = false
			fmt.Fprintf(&joins, " LEFT JOIN %s r%d ON r%d.given = s0.%s", m.beside(refSuffix(i)), i, i, name)
			cols = append(cols, fmt.Sprintf("r%d.id AS %s", i, name))
		case !c.typed:
			plain = false
			cols = append(cols, fmt.Sprintf("CASE WHEN s0.%s IS NULL THEN s0.%s::%s END AS %s", errorsColumn, name, c.target.Type, name))
		default:
			cols = append(cols, "s0."+name)
		}
	}
	if plain {
		return staging(m.name, "") + " s"
	}
	return "(SELECT " + strings.Join(cols, ", ") + " FROM " + staging(m.name, "") + " s0" + joins.String() + ") s"
}

// checkCasts marks cells that were staged as text and that their type refuses. Only the database knows the text form of
// such types, and asking costs an exception a cell, so it is asked for those types only.
func (m *merge) checkCasts(ctx context.Context) error {
	for _, c := range m.plan.cols {
		if c.typed || c.ref != nil {
			continue
		}
		_, err := m.exec(ctx, "check "+c.Name, m.sql(`
UPDATE {staging} u SET {errors} = {addError}
WHERE u.{col} IS NOT NULL AND wharf.cast_error(u.{col}, $2) IS NOT NULL`, "{col}", ident(c.Name),
			"{addError}", addError("u", "$1", "'type'", "$3::text || ' is not accepted: ' || wharf.cast_error(u."+ident(c.Name)+", $2)", "left(u."+ident(c.Name)+", 200)")),
			c.Name, c.target.Type, c.label())
		if err != nil {
			return err
		}
	}
	return nil
}

// findRows fills the plan table: which row of the target each staged row is. Keys are tried in order; a later one counts
// only where an earlier one is blank on either side, so that two rows with different external ids are never taken for one.
func (m *merge) findRows(ctx context.Context) error {
	p := m.plan
	if len(p.matches) == 0 {
		_, err := m.exec(ctx, "plan", m.sql(`CREATE UNLOGGED TABLE {plan} ({row} bigint)`))
		return err
	}
	keys := make([]string, 0, len(p.table.PrimaryKey))
	for n, k := range p.table.PrimaryKey {
		keys = append(keys, fmt.Sprintf("t.%s AS __k%d", ident(k), n))
	}
	ways := make([]string, 0, len(p.matches))
	for n, match := range p.matches {
		ways = append(ways, m.sql(`
SELECT s.{row}, {n} AS __way, {keys} FROM {source} JOIN {target} t ON {on} WHERE s.{errors} IS NULL`,
			"{n}", fmt.Sprint(n), "{keys}", strings.Join(keys, ", "),
			"{target}", tenantRows(p.table, p.matchable(match)), "{on}", p.matchOn(n)))
	}
	if _, err := m.exec(ctx, "find rows", m.sql(`CREATE UNLOGGED TABLE {plan} AS `)+strings.Join(ways, " UNION ALL "), p.spec.Tenant); err != nil {
		return err
	}
	if _, err := m.exec(ctx, "analyze plan", m.sql(`ANALYZE {plan}`)); err != nil {
		return err
	}
	return m.settlePlan(ctx)
}

// matchable gives the condition under which a row of the target can be matched: it is live, and inside a partial index.
func (p *Plan) matchable(k match) string {
	var conds []string
	if p.soft {
		conds = append(conds, "x.deleted_at IS NULL")
	}
	if k.Predicate != "" && !(p.soft && strings.Contains(k.Predicate, "deleted_at IS NULL")) {
		conds = append(conds, "("+p.table.Condition(k.Predicate, "x")+")")
	}
	return strings.Join(conds, " AND ")
}

// matchOn gives the join condition of the nth key.
func (p *Plan) matchOn(n int) string {
	var conds []string
	for _, k := range p.matches[n].Keys {
		conds = append(conds, p.table.Expr(k, "t")+" = "+p.table.Expr(k, "s"))
	}
	for _, earlier := range p.matches[:n] {
		var blank []string
		for _, k := range earlier.Keys {
			blank = append(blank, p.table.Expr(k, "s")+" IS NULL", p.table.Expr(k, "t")+" IS NULL")
		}
		conds = append(conds, "("+strings.Join(blank, " OR ")+")")
	}
	return strings.Join(conds, " AND ")
}

// settlePlan leaves one target a staged row and one staged row a target; what is not to be settled is an error.
func (m *merge) settlePlan(ctx context.Context) error {
	p := m.plan
	if len(p.matches) > 1 {
		if _, err := m.exec(ctx, "keep the first key's match", m.sql(`
DELETE FROM {plan} a USING {plan} b WHERE a.{row} = b.{row} AND a.__way > b.__way`)); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(p.matches, func(k match) bool { return !k.unique }) {
		if err := m.dropAmbiguous(ctx); err != nil {
			return err
		}
	}
	if len(p.matches) > 1 {
		return m.dropDoubles(ctx)
	}
	return nil
}

func (m *merge) dropAmbiguous(ctx context.Context) error {
	p := m.plan
	names := make([]string, 0, len(p.matches))
	for _, k := range p.matches {
		names = append(names, k.names)
	}
	_, err := m.exec(ctx, "mark ambiguous rows", m.sql(`
WITH many AS (SELECT {row}, min(__way) AS way, count(*) AS n FROM {plan} GROUP BY {row} HAVING count(*) > 1),
gone AS (DELETE FROM {plan} d USING many WHERE d.{row} = many.{row})
UPDATE {staging} u SET {errors} = {addError} FROM many WHERE many.{row} = u.{row}`,
		"{addError}", addError("u", "''", "'ambiguous'", "format('matches %s rows of %s by %s', many.n, $1::text, ($2::text[])[many.way + 1])", "''")),
		p.table.Name, names)
	return err
}

func (m *merge) dropDoubles(ctx context.Context) error {
	var keys []string
	for n := range m.plan.table.PrimaryKey {
		keys = append(keys, fmt.Sprintf("__k%d", n))
	}
	_, err := m.exec(ctx, "mark rows that match one row twice", m.sql(`
WITH twice AS (SELECT {row}, min({row}) OVER (PARTITION BY {keys}) AS first FROM {plan}),
later AS (SELECT * FROM twice WHERE {row} <> first),
gone AS (DELETE FROM {plan} d USING later WHERE d.{row} = later.{row})
UPDATE {staging} u SET {errors} = {addError} FROM later WHERE later.{row} = u.{row}`,
		"{keys}", strings.Join(keys, ", "),
		"{addError}", addError("u", "''", "'duplicate'", "format('matches the same row of %s as row %s', $1::text, later.first)", "''")),
		m.plan.table.Name)
	return err
}

const isNew = `NOT EXISTS (SELECT FROM {plan} p WHERE p.{row} = s.{row})`

// checkRows marks what the way to write and the table's own columns do not allow.
func (m *merge) checkRows(ctx context.Context) error {
	p := m.plan
	var by []string
	for _, k := range p.matches {
		by = append(by, k.names)
	}
	names := strings.Join(by, " or ")
	switch p.spec.Write {
	case Insert:
		return m.markSources(ctx, `NOT `+isNew, "", "exists", fmt.Sprintf("a row of %s has this %s already", p.table.Label, names), true)
	case Update:
		return m.markSources(ctx, isNew, "", "missing", fmt.Sprintf("no row of %s has this %s", p.table.Label, names), false)
	}
	for _, c := range p.cols {
		if c.surrog {
			err := m.markSources(ctx, isNew+` AND s.`+ident(c.Name)+` IS NOT NULL`, c.Name, "missing",
				fmt.Sprintf("no row of %s has this %s; leave it blank to create one", p.table.Label, c.Name), false)
			if err != nil {
				return err
			}
		}
	}
	return m.checkRequired(ctx)
}

// checkRequired marks new rows that lack a value the table insists on.
func (m *merge) checkRequired(ctx context.Context) error {
	p := m.plan
	for _, c := range p.table.Columns {
		if !c.NotNull || c.Default != "" || c.Generated || c.Identity != "" || c.Name == p.table.Scope.Column {
			continue
		}
		cond := isNew
		if s := p.staged(c.Name); s != nil {
			cond += ` AND s.` + ident(c.Name) + ` IS NULL`
		}
		if err := m.markSources(ctx, cond, c.Name, "required", c.Label+" is required", false); err != nil {
			return err
		}
	}
	if !p.spec.Clear {
		return nil
	}
	for _, s := range p.cols {
		if !s.target.NotNull || s.surrog {
			continue
		}
		err := m.markSources(ctx, `NOT `+isNew+` AND s.`+ident(s.Name)+` IS NULL`, s.Name, "required", s.label()+" cannot be cleared", true)
		if err != nil {
			return err
		}
	}
	return nil
}

// markSources adds an error to the good rows of the source that meet cond; unplan takes them out of the plan too.
func (m *merge) markSources(ctx context.Context, cond, field, rule, message string, unplan bool) error {
	n, err := m.exec(ctx, "mark "+rule, m.sql(`
UPDATE {staging} u SET {errors} = {addError}
FROM (SELECT s.{row} FROM {source} WHERE s.{errors} IS NULL AND `+cond+`) f WHERE f.{row} = u.{row}`,
		"{addError}", addError("u", "$1::text", "$2::text", "$3::text", "''")), field, rule, message)
	if err != nil || n == 0 || !unplan {
		return err
	}
	_, err = m.exec(ctx, "leave out "+rule, m.sql(`
DELETE FROM {plan} p USING {staging} u WHERE u.{row} = p.{row} AND u.{errors} IS NOT NULL`))
	return err
}

// update writes the matched rows that differ. A blank cell leaves its column alone unless the spec says to clear.
func (m *merge) update(ctx context.Context) (int64, error) {
	p := m.plan
	var sets, news, olds, on []string
	for _, c := range p.cols {
		if c.surrog {
			continue
		}
		name := ident(c.Name)
		val := "s." + name
		if !p.spec.Clear {
			val = fmt.Sprintf("coalesce(s.%s, t.%s)", name, name)
		}
		sets = append(sets, name+" = "+val)
		news = append(news, comparable(c.target, val))
		olds = append(olds, comparable(c.target, "t."+name))
	}
	if len(p.matches) == 0 || len(sets) == 0 {
		return 0, nil
	}
	if touched := p.touched(); touched != "" {
		sets = append(sets, touched+" = now()")
	}
	for n, k := range p.table.PrimaryKey {
		on = append(on, fmt.Sprintf("t.%s = p.__k%d", ident(k), n))
	}
	return m.exec(ctx, "update "+p.table.Name, m.sql(`
UPDATE {table} t SET {sets}
FROM {plan} p JOIN {source} ON s.{row} = p.{row}
WHERE {on} AND {tenant} AND s.{errors} IS NULL AND ROW({olds}) IS DISTINCT FROM ROW({news})`,
		"{sets}", strings.Join(sets, ", "), "{on}", strings.Join(on, " AND "), "{tenant}", p.table.TenantPredicate("t", "$1"),
		"{olds}", strings.Join(olds, ", "), "{news}", strings.Join(news, ", ")), p.spec.Tenant)
}

// comparable gives an expression that has an equality: json and the like go by their text.
func comparable(c *catalog.Column, expr string) string {
	if c.Kind == catalog.KindOther || (c.Kind == catalog.KindJSON && c.Type == "json") {
		return expr + "::text"
	}
	return expr
}

// touched gives the column that says when a row changed last, unless the file gives it.
func (p *Plan) touched() string {
	c, ok := p.table.Column("updated_at")
	if !ok || p.staged("updated_at") != nil || (c.Kind != catalog.KindTimestampTZ && c.Kind != catalog.KindTimestamp) {
		return ""
	}
	return ident("updated_at")
}

// insert creates the rows that matched none, in key order: neighbours then enter the same pages of the key's index.
func (m *merge) insert(ctx context.Context) (int64, error) {
	p := m.plan
	if p.spec.Write == Update {
		return 0, nil
	}
	var cols, vals []string
	if p.table.Scope.Column != "" {
		cols, vals = append(cols, ident(p.table.Scope.Column)), append(vals, "$1")
	}
	if p.mint {
		cols, vals = append(cols, ident(p.table.PrimaryKey[0])), append(vals, "s."+idColumn)
	}
	for _, c := range p.cols {
		if c.surrog {
			continue
		}
		val := "s." + ident(c.Name)
		if c.target.Default != "" {
			val = fmt.Sprintf("coalesce(%s, %s)", val, c.target.Default)
		}
		cols, vals = append(cols, ident(c.Name)), append(vals, val)
	}
	cond := ""
	if len(p.matches) > 0 {
		cond = " AND " + isNew
	}
	tenant := "$1::uuid IS NOT NULL"
	return m.exec(ctx, "insert into "+p.table.Name, m.sql(`
INSERT INTO {table} ({cols}) SELECT {vals} FROM {source} WHERE s.{errors} IS NULL AND `+tenant+cond+p.orderBy(),
		"{cols}", strings.Join(cols, ", "), "{vals}", strings.Join(vals, ", ")), p.spec.Tenant)
}

// orderBy gives the order of insertion. Under collation "C" the sort costs a fraction of the database's own.
func (p *Plan) orderBy() string {
	if len(p.matches) == 0 {
		return " ORDER BY s." + rowColumn
	}
	var keys []string
	for _, k := range p.matches[len(p.matches)-1].Keys {
		expr := p.table.Expr(k, "s")
		if c, ok := p.table.Column(k.Column); !ok || c.Kind == catalog.KindText {
			expr += ` COLLATE "C"`
		}
		keys = append(keys, expr)
	}
	return " ORDER BY " + strings.Join(keys, ", ")
}

func (m *merge) count(ctx context.Context, created, updated int64) (Counts, error) {
	c := Counts{Created: created, Updated: updated}
	var matched int64
	if err := m.tx.QueryRow(ctx, m.sql(`SELECT count(*) FROM {plan}`)).Scan(&matched); err != nil {
		return Counts{}, fmt.Errorf("load: count: %w", err)
	}
	c.Unchanged = matched - updated
	var err error
	c.Skipped, c.Errors, err = CountErrors(ctx, m.tx, m.name)
	return c, err
}

// CountErrors gives how many staged rows cannot be written, and how many errors they have.
func CountErrors(ctx context.Context, tx pgx.Tx, name string) (rows, errors int64, err error) {
	sql := `SELECT count(*), coalesce(sum(jsonb_array_length(` + errorsColumn + `)), 0) FROM ` + staging(name, "") +
		` WHERE ` + errorsColumn + ` IS NOT NULL`
	if err := tx.QueryRow(ctx, sql).Scan(&rows, &errors); err != nil {
		return 0, 0, fmt.Errorf("load: count errors: %w", err)
	}
	return rows, errors, nil
}

// beside gives the quoted name of a table beside staging.
func (m *merge) beside(suffix string) string { return staging(m.name, suffix) }

// sql fills the names that every statement shares, and pairs of its own.
func (m *merge) sql(text string, pairs ...string) string {
	text = strings.NewReplacer(pairs...).Replace(text)
	return strings.NewReplacer(
		"{staging}", staging(m.name, ""), "{plan}", m.beside("_p"), "{table}", m.tableIdent(), "{source}", m.sourceOnce(text),
		"{row}", rowColumn, "{errors}", errorsColumn,
	).Replace(text)
}

func (m *merge) tableIdent() string {
	if m.plan.table == nil {
		return ""
	}
	return m.plan.table.Ident()
}

// sourceOnce builds the source only for the statements that read it.
func (m *merge) sourceOnce(text string) string {
	if !strings.Contains(text, "{source}") {
		return ""
	}
	return m.source()
}

func (m *merge) exec(ctx context.Context, what, sql string, args ...any) (int64, error) {
	tag, err := m.tx.Exec(ctx, sql, args...)
	if err != nil {
		return 0, fmt.Errorf("load: %s: %w", what, err)
	}
	return tag.RowsAffected(), nil
}

// addError gives the errors of alias with one more; the arguments are SQL expressions of type text.
func addError(alias, field, rule, message, value string) string {
	return fmt.Sprintf(`coalesce(%s.%s, '[]') || jsonb_build_array(jsonb_build_object('field', %s::text, 'rule', %s::text, 'message', %s::text, 'value', coalesce(%s, '')::text))`,
		alias, errorsColumn, field, rule, message, value)
}

func sorted(s []string) []string {
	out := slices.Clone(s)
	slices.Sort(out)
	return out
}

func errPolyHalf(poly catalog.Poly) error {
	return fault.Newf(fault.Invalid, "%s needs %s beside it: map both", poly.IDColumn, poly.TypeColumn)
}
