package load

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"wharf/internal/catalog"
)

// findRows fills the table of found rows: which row of the target each staged row is, and whether it would change. A later
// key counts only where an earlier one is blank on either side; of the keys that find something the first one counts.
func (m *merge) findRows(ctx context.Context) error {
	p := m.plan
	if len(p.keys) == 0 {
		return nil
	}
	identity := make([]string, 0, len(p.identity))
	for i, c := range p.identity {
		identity = append(identity, fmt.Sprintf("t.%s AS k%d", c.Ident(), i))
	}
	ways := make([]string, 0, len(p.keys))
	for n := range p.keys {
		for _, join := range m.matching(n) {
			ways = append(ways, `
SELECT s.line, `+strconv.Itoa(n)+` AS way, `+strings.Join(identity, ", ")+`, `+p.changes()+` AS changed
FROM `+m.source+` JOIN `+join+` WHERE s.errors IS NULL`)
		}
	}
	found := ways[0]
	if p.openEnded() {
		found = `
SELECT DISTINCT ON (line) *, count(*) OVER (PARTITION BY line, way) AS hits FROM (` + strings.Join(ways, " UNION ALL ") + `) w
ORDER BY line, way`
	}
	if _, err := m.exec(ctx, "find rows", m.createBeside()+m.found+` WITH (autovacuum_enabled = false) AS `+found); err != nil {
		return err
	}
	if m.large {
		if _, err := m.exec(ctx, "analyze found rows", `ANALYZE `+m.found); err != nil {
			return err
		}
	}
	return m.count(ctx)
}

// openEnded reports whether the keys may find several rows for one. The found rows then tell how many: hits.
func (p *Plan) openEnded() bool { return len(p.keys) > 1 || len(p.keys) == 1 && !p.keys[0].unique }

// changes gives the condition under which the source's row s would change the table's row t. The hash of an encrypted
// column's cell stands for it; one without a hash seems to differ always, see compareSealed.
func (p *Plan) changes() string {
	return p.differs(func(c *column) bool { return !c.sealed || p.hashOf(c) == nil })
}

// differs gives the condition under which one of the columns would change.
func (p *Plan) differs(counts func(c *column) bool) string {
	var differs []string
	for i := range p.cols {
		c := &p.cols[i]
		if c.given || p.spec.Write == Insert || !counts(c) {
			continue
		}
		differ := Comparable(c.target, "t."+c.target.Ident()) + " IS DISTINCT FROM " + Comparable(c.target, c.s())
		switch {
		case c.Extra:
			differ = "t." + c.target.Ident() + " IS DISTINCT FROM " + p.nextValue(c.target)
		case !p.spec.Clear:
			differ = "(" + c.s() + " IS NOT NULL AND " + differ + ")"
		}
		differs = append(differs, differ)
	}
	if len(differs) == 0 {
		return "false"
	}
	return "(" + strings.Join(differs, " OR ") + ")"
}

// Comparable gives an expression whose equality means the same value to the byte: types without an equality, or with one
// that is blind to case, go by their text.
func Comparable(c *catalog.Column, expr string) string {
	element := c.ElementKind == catalog.KindOther || c.ElementKind == catalog.KindJSON
	switch {
	case c.Kind == catalog.KindText:
		return expr + `::text COLLATE "C"`
	case c.Kind == catalog.KindOther, c.BaseType == "json", c.Kind == catalog.KindArray && element:
		return expr + "::text"
	}
	return expr
}

// foundOn gives the condition under which the table's row t is the found row f.
func (p *Plan) foundOn() string {
	on := make([]string, 0, len(p.identity))
	for i, c := range p.identity {
		on = append(on, fmt.Sprintf("t.%s = f.k%d", c.Ident(), i))
	}
	return strings.Join(on, " AND ")
}

// checkFound marks what the keys leave open and what the way to write does not allow.
func (m *merge) checkFound(ctx context.Context) error {
	p := m.plan
	if m.doubtful > 0 {
		err := m.judge(ctx, m.foundRows(), "f.line", m.eachWay("ambiguous", "f.hits > 1", func(n int) string {
			return "f.hits || " + literal(" rows of "+p.table.Label+" have this "+p.keys[n].name)
		}))
		if err != nil {
			return err
		}
	}
	switch {
	case p.spec.Write == Update:
		return m.judge(ctx, "FROM "+m.source+" WHERE s.errors IS NULL AND "+m.isNew(), "s.line", m.missingRules())
	case p.spec.Write == Insert && m.matched > 0:
		err := m.judge(ctx, m.foundRows(), "f.line", m.eachWay("exists", "true", func(n int) string {
			return literal("a row of " + p.table.Label + " has this " + p.keys[n].name + " already")
		}))
		if err != nil {
			return err
		}
	}
	return m.checkGiven(ctx)
}

// eachWay gives a rule for each key, over the found rows f: it blames the key that found the row.
func (m *merge) eachWay(name, broken string, message func(n int) string) []rule {
	rules := make([]rule, 0, len(m.plan.keys))
	for n, k := range m.plan.keys {
		rules = append(rules, rule{name: name, field: k.field, broken: fmt.Sprintf("f.way = %d AND %s", n, broken), message: message(n)})
	}
	return rules
}

// missingRules are those of rows that must be there: the first key that is filled is to blame.
func (m *merge) missingRules() []rule {
	p := m.plan
	var rules []rule
	for n, k := range p.keys {
		rules = append(rules, rule{
			name: "missing", field: k.field, broken: strings.Join([]string{p.noKeyBefore(n), p.filled(n)}, " AND "),
			message: literal("no row of " + p.table.Label + " has this " + p.keyNames(n)),
		})
	}
	return append(rules, rule{
		name: "missing", field: p.keys[0].field, broken: p.noKeyBefore(len(p.keys)),
		message: literal(p.keyNames(0) + " must say which row of " + p.table.Label + " it is"),
	})
}

// foundRows gives the good rows that are there, as a FROM clause.
func (m *merge) foundRows() string {
	return "FROM " + m.found + " f JOIN " + m.staging + " s ON s.line = f.line WHERE s.errors IS NULL"
}

// checkGiven marks rows that give a key of the database's own which no row of the tenant has: it is never written, so that
// it cannot become one.
func (m *merge) checkGiven(ctx context.Context) error {
	for i := range m.plan.cols {
		if c := &m.plan.cols[i]; c.given {
			return m.judge(ctx, "FROM "+m.source+" WHERE s.errors IS NULL AND "+m.isNew(), "s.line", []rule{{
				name: "missing", field: c.Name, broken: c.s() + " IS NOT NULL",
				message: literal("no row of " + m.plan.table.Label + " has this " + c.label() + "; leave it blank to create one"),
			}})
		}
	}
	return nil
}
