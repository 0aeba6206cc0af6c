package load

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"wharf/internal/catalog"
)

// outcome gives a sub-select w of the good rows that are to be written, as they will stand in the table:
//
//	line, fresh (it is not there yet), k0… (the found row's identity), v<n> for each of the columns, n its Num
//
// What the database has yet to make is NULL: see known. With onlyFresh the rows that are there are left out, which saves a
// join with the table.
func (m *merge) outcome(cols []*catalog.Column, onlyFresh bool) string {
	p := m.plan
	if onlyFresh || m.matched == 0 {
		vals := []string{"s.line", "true AS fresh"}
		for _, c := range cols {
			vals = append(vals, fmt.Sprintf("%s AS v%d", p.foreseen(c), c.Num))
		}
		return "(SELECT " + strings.Join(vals, ", ") + " FROM " + m.source + " WHERE s.errors IS NULL AND " + m.isNew() + m.fence() + ") w"
	}
	vals := []string{"s.line", "f.line IS NULL AS fresh"}
	for i := range p.identity {
		vals = append(vals, fmt.Sprintf("f.k%d", i))
	}
	for _, c := range cols {
		vals = append(vals, fmt.Sprintf("CASE WHEN f.line IS NULL THEN %s ELSE %s END AS v%d", p.foreseen(c), p.nextValue(c), c.Num))
	}
	return "(SELECT " + strings.Join(vals, ", ") + ` FROM ` + m.source + ` LEFT JOIN ` + m.found + ` f ON f.line = s.line
LEFT JOIN ` + m.among(p.table, "", p.foundOn(), !slices.ContainsFunc(p.identity, unlookable)) + ` WHERE s.errors IS NULL AND f.changed IS NOT FALSE` + m.fence() + `) w`
}

// fence keeps a sub-select of few rows one: an expression that it computes can then be looked up in an index beside row
// security, which only a plain value may.
func (m *merge) fence() string {
	if m.large {
		return ""
	}
	return " OFFSET 0"
}

// known reports whether what the column will hold can be told before the row is written.
func (p *Plan) known(c *catalog.Column) bool {
	return c == p.mint || !c.Generated && !c.Minted
}

// foreseen gives what the column will hold in a new row; NULL for a value that the database has yet to make.
func (p *Plan) foreseen(c *catalog.Column) string {
	staged := p.find(c.Name)
	switch {
	case p.known(c):
		return p.newValue(c)
	case staged != nil && !staged.given:
		return staged.s()
	}
	return "NULL::" + c.BaseType
}

// needs reports whether a new row may come without the value that the column must have.
func (p *Plan) needs(c *catalog.Column) bool {
	switch staged := p.find(c.Name); {
	case !c.NotNull, p.spec.Write == Update, c.Generated, c == p.mint, c == p.touched(), c.Name == p.table.Scope.Column:
		return false
	case staged != nil && !staged.given:
		return p.defaultOf(c) == ""
	}
	return c.Default == "" && c.Identity == ""
}

// newValue gives what the column will hold in a new row.
func (p *Plan) newValue(c *catalog.Column) string {
	staged := p.find(c.Name)
	switch {
	case c == p.mint:
		return "s.id"
	case c.Name == p.table.Scope.Column:
		return tenantLiteral(p.spec.Tenant)
	case staged != nil && !staged.given:
		if byDefault := p.defaultOf(c); byDefault != "" {
			return "coalesce(" + staged.s() + ", " + byDefault + ")"
		}
		return staged.s()
	case c.Default != "":
		return c.Default
	case c == p.touched():
		return "now()"
	}
	return "NULL::" + c.BaseType
}

// defaultOf gives the default of a staged column, "" if it has none. The reference through which a row has its tenant has
// none: no default was looked up among the tenant's rows.
func (p *Plan) defaultOf(c *catalog.Column) string {
	switch parent := p.table.Scope.Parent; {
	case parent != nil && slices.Contains(parent.Columns, c.Name):
		return ""
	case c.Identity != "":
		return "nextval(pg_get_serial_sequence(" + literal(p.table.Ident()) + ", " + literal(c.Name) + "))"
	}
	return c.Default
}

// nextValue gives what the column will hold in the table's row t that is found.
func (p *Plan) nextValue(c *catalog.Column) string {
	now := "t." + c.Ident()
	if c.TypeOID != c.BaseOID {
		now += "::" + c.BaseType // a domain may refuse the NULL of a row that is not there
	}
	staged := p.find(c.Name)
	switch {
	case staged == nil || staged.given:
		return now
	case staged.Extra:
		return staged.merged(now)
	case p.spec.Clear:
		return staged.s()
	}
	return "coalesce(" + staged.s() + ", " + now + ")"
}

// writes reports whether a row that is there may get another value in one of the columns.
func (p *Plan) writes(cols []*catalog.Column) bool {
	return slices.ContainsFunc(cols, func(c *catalog.Column) bool {
		staged := p.find(c.Name)
		return staged != nil && !staged.given
	})
}

// valueOf gives the column of the outcome that stands for a column of the table.
func (p *Plan) valueOf(name string) string {
	if c, ok := p.table.Column(name); ok {
		return fmt.Sprintf("w.v%d", c.Num)
	}
	return "NULL"
}

// checkOutcome marks rows that break a rule of the table's own which lies in the row itself: NOT NULL and CHECK.
func (m *merge) checkOutcome(ctx context.Context) error {
	if m.nothingToWrite() {
		return nil
	}
	rules, cols, onlyFresh := m.requiredRules()
	if err := m.judge(ctx, "FROM "+m.outcome(cols, onlyFresh), "w.line", rules); err != nil {
		return err
	}
	rules, cols, onlyFresh = m.checkRules()
	if len(rules) == 0 {
		return nil
	}
	// An expression may fail on a row, e.g. by dividing by zero. Which row that is shows when it is written: see isolate.
	err := m.attempt(ctx, func(ctx context.Context) error {
		return m.judge(ctx, "FROM "+m.outcome(cols, onlyFresh), "w.line", rules)
	})
	if Refused(err) {
		return nil
	}
	return err
}

// requiredRules are those of columns that must have a value: a new row needs one, a row that is there may not lose it.
func (m *merge) requiredRules() (rules []rule, cols []*catalog.Column, onlyFresh bool) {
	p := m.plan
	onlyFresh = true
	for _, c := range p.table.Columns {
		staged := p.find(c.Name)
		clears := p.spec.Clear && c.NotNull && staged != nil && !staged.given
		if !clears && !p.needs(c) {
			continue
		}
		onlyFresh = onlyFresh && !clears
		cols = append(cols, c)
		rules = append(rules, rule{
			name: "required", field: p.field(c.Name), broken: p.valueOf(c.Name) + " IS NULL AND (NOT w.fresh OR " + fmt.Sprint(p.needs(c)) + ")",
			message: literal(p.labelOf(c)) + " || CASE WHEN w.fresh THEN ' is required' ELSE ' cannot be cleared' END",
		})
	}
	return rules, cols, onlyFresh
}

// checkRules are the CHECKs of which all is known beforehand.
func (m *merge) checkRules() (rules []rule, cols []*catalog.Column, onlyFresh bool) {
	p := m.plan
	onlyFresh = true
	for _, check := range p.table.Checks {
		reads, known := p.columnsOf(check.Columns)
		if !known || len(reads) == 0 {
			continue
		}
		broken := p.table.ConditionOf(check.Expression, p.valueOf) + " IS FALSE"
		if p.writes(reads) {
			onlyFresh = false
		} else {
			broken += " AND w.fresh"
		}
		cols = append(cols, reads...)
		rules = append(rules, rule{
			name: "check", field: p.blamed(reads), broken: broken,
			message: literal(p.checkText(check)),
		})
	}
	return rules, unique(cols), onlyFresh
}

// columnsOf gives the columns of these names; known is false if what one of them will hold cannot be told beforehand.
func (p *Plan) columnsOf(names []string) (cols []*catalog.Column, known bool) {
	known = true
	for _, name := range names {
		if c, ok := p.table.Column(name); ok {
			cols = append(cols, c)
			known = known && p.known(c)
		}
	}
	return cols, known
}

// blamed names the one staged column among cols, "" if there are several or none.
func (p *Plan) blamed(cols []*catalog.Column) string {
	name := ""
	for _, c := range cols {
		field := p.field(c.Name)
		if p.find(c.Name) == nil || field == name {
			continue
		}
		if name != "" {
			return ""
		}
		name = field
	}
	return name
}

func unique(cols []*catalog.Column) []*catalog.Column {
	slices.SortFunc(cols, func(a, z *catalog.Column) int { return int(a.Num) - int(z.Num) })
	return slices.Compact(cols)
}
