package load

import (
	"context"
	"fmt"
	"strings"
)

// lookUp finds what the staged references name: each distinct text once, among the tenant's rows only.
func (m *merge) lookUp(ctx context.Context) error {
	for _, ref := range m.plan.references() {
		name := m.plan.cols[ref.col].Name
		if _, err := m.exec(ctx, "look up "+name, m.lookUpSQL(ref)); err != nil {
			return err
		}
		if !m.large {
			continue
		}
		if _, err := m.exec(ctx, "analyze "+name, `ANALYZE `+beside(m.name, ref.suffix())); err != nil {
			return err
		}
	}
	return nil
}

// lookUpSQL fills the reference's table: given, hits, and the id if there is one hit. Of a target's ways the first that
// hits counts: its own id, then its natural keys in order.
func (m *merge) lookUpSQL(ref *reference) string {
	c := &m.plan.cols[ref.col]
	given := []string{c.s() + " AS given"}
	if ref.kind >= 0 {
		given = append(given, m.plan.cols[ref.kind].s()+"::text AS kind")
	}
	joins := ""
	for _, by := range ref.narrowedBy() {
		given = append(given, fmt.Sprintf("r%d.id AS w%d", by, by))
		joins += m.plan.cols[by].ref.join(m.name)
	}
	var ways []string
	for _, t := range ref.targets {
		ways = append(ways, m.waySQL(c, t, 0, t.byKey(), "", lookable(t.key)))
		for n, w := range t.ways {
			match := t.table.Expr(w.key, "t") + " = " + asKey(t.table, w.key, "g.given")
			for _, by := range w.within {
				match += fmt.Sprintf(" AND (g.w%d IS NULL OR t.%s = g.w%d)", by.by, ident(by.column), by.by)
			}
			indexed := len(w.match.Keys) == 1 && t.table.Guarantees(w.match) && m.lookableKeys(t.table, w.match.Keys)
			ways = append(ways, m.waySQL(c, t, n+1, match, nameable(t.table, w.match, "t"), indexed))
		}
	}
	return m.createBeside() + beside(m.name, ref.suffix()) + ` WITH (autovacuum_enabled = false) AS
WITH g AS MATERIALIZED (
    SELECT row_number() OVER () AS n, d.* FROM (
        SELECT DISTINCT ` + strings.Join(given, ", ") + ` FROM ` + m.staging + ` s` + joins + ` WHERE ` + c.s() + ` IS NOT NULL) d),
best AS (
    SELECT DISTINCT ON (n) n, id, count(*) OVER (PARTITION BY n, way) AS hits FROM (` + strings.Join(ways, " UNION ALL ") + `) h
    ORDER BY n, way)
SELECT g.*, CASE WHEN b.hits = 1 THEN b.id END AS id, coalesce(b.hits, 0) AS hits, NULL::bigint AS line
FROM g LEFT JOIN best b ON b.n = g.n`
}

// byKey gives the condition under which a text is the target's own key; false if the key has no form that can be told.
func (t target) byKey() string {
	if own := asType(t.key, "g.given"); own != "" {
		return "t." + t.key.Ident() + " = " + own
	}
	return "false"
}

func (m *merge) waySQL(c *column, t target, n int, match, extra string, indexed bool) string {
	if t.value != "" {
		match += " AND g.kind = " + literal(t.value)
	}
	return fmt.Sprintf(`
    SELECT g.n, t.%s::%s AS id, %d AS way FROM g JOIN %s`,
		t.key.Ident(), c.target.BaseType, n, m.among(t.table, extra, match, indexed))
}

// checkReferences marks the references that name no row of the tenant, or several.
func (m *merge) checkReferences(ctx context.Context) error {
	var rules []rule
	for i := range m.plan.cols {
		c := &m.plan.cols[i]
		if c.ref == nil {
			continue
		}
		given, hits := fmt.Sprintf("s.g%d", i), fmt.Sprintf("s.h%d", i)
		broken := hits + " <> 1"
		if c.ref.kind >= 0 {
			rules = append(rules, m.pairRules(c, given)...)
			broken += " AND " + m.knownKind(c.ref)
		}
		rules = append(rules, rule{
			name: "reference", field: c.Name, broken: broken,
			message: fmt.Sprintf("%s || CASE %s WHEN 0 THEN ' names no row of ' ELSE ' names several rows of ' END || %s",
				literal(c.label()), hits, m.targetLabel(c.ref)),
		})
	}
	return m.judge(ctx, "FROM "+m.source, "s.line", rules)
}

// pairRules are those of a polymorphic reference's two halves: both are given or none, and the kind is one that is known.
func (m *merge) pairRules(id *column, given string) []rule {
	kind := &m.plan.cols[id.ref.kind]
	known := make([]string, 0, len(id.ref.targets))
	for _, t := range id.ref.targets {
		known = append(known, t.value)
	}
	half := func(missing, there *column, cond string) rule {
		return rule{
			name: "reference", field: missing.Name, broken: "s.errors IS NULL AND " + cond,
			message: literal(missing.label() + " is required beside " + there.label()),
		}
	}
	return []rule{
		{
			name: "reference", field: kind.Name,
			broken:  given + " IS NOT NULL AND NOT " + m.knownKind(id.ref),
			message: literal(kind.label() + " must be one of " + strings.Join(known, ", ")),
		},
		half(kind, id, given+" IS NOT NULL AND "+kind.s()+" IS NULL"),
		half(id, kind, given+" IS NULL AND "+kind.s()+" IS NOT NULL"),
	}
}

// knownKind gives the condition under which a row's kind stands for a table.
func (m *merge) knownKind(ref *reference) string {
	known := make([]string, 0, len(ref.targets))
	for _, t := range ref.targets {
		known = append(known, literal(t.value))
	}
	return m.plan.cols[ref.kind].s() + "::text IN (" + strings.Join(known, ", ") + ")"
}

// targetLabel gives the label of the table that a row's reference means, as SQL.
func (m *merge) targetLabel(ref *reference) string {
	if ref.kind < 0 {
		return literal(ref.targets[0].table.Label)
	}
	var b strings.Builder
	b.WriteString("CASE " + m.plan.cols[ref.kind].s() + "::text")
	for _, t := range ref.targets {
		b.WriteString(" WHEN " + literal(t.value) + " THEN " + literal(t.table.Label))
	}
	b.WriteString(" END")
	return b.String()
}
