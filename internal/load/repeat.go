package load

import (
	"context"
	"fmt"
	"strings"
)

// repeats are rows of a relation that have the same keys. Its parts are SQL over that relation.
type repeats struct {
	from, where string
	line        string // names the staged row
	keys        []string
	decided     string // of two rows with the same keys one at least must be such; "": all are
	name, field string // of the error
	way         string // the number of the key to blame instead of the field; "": the field is
	before      string // the other row's number in the message
	after       string
}

// blanks are the characters that trimming takes away: Unicode's White_Space, as the row program has it.
const blanks = `E' \t\n\x0b\f\r\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000'`

// markUniques marks every later occurrence of a cell that must be unique in the file, and names the first row.
func (m *merge) markUniques(ctx context.Context) error {
	if err := m.forgetUniques(ctx); err != nil {
		return err
	}
	for _, u := range m.plan.spec.Uniques {
		c := &m.plan.cols[u.Column]
		name := c.Name
		if c.sealed {
			c = m.plan.hashOf(c)
		}
		trimmed := "btrim(" + c.s() + "::text, " + blanks + ")"
		err := m.markRepeats(ctx, repeats{
			from: m.staging + " s", where: trimmed + " <> ''", line: "s.line", keys: []string{"lower(" + trimmed + ")"},
			name: "unique", field: name, before: u.Message + "; row ", after: " has the same value",
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// markDuplicates makes sure that no two good rows are one row: by a natural key, or because they are the same row of the
// table.
func (m *merge) markDuplicates(ctx context.Context) error {
	p := m.plan
	mark := m.markRepeats
	if p.spec.LastWins {
		mark = m.dropEarlier
	}
	for n, k := range p.keys {
		if _, ok := p.sieved(n); ok && !m.again {
			continue
		}
		r := repeats{
			from: m.source, where: "s.errors IS NULL AND " + p.filled(n), line: "s.line", keys: p.ours(n), decided: p.noKeyBefore(n),
			name: "duplicate", field: k.field, before: "the same " + k.name + " as row ",
		}
		if err := mark(ctx, r); err != nil {
			return err
		}
	}
	if len(p.keys) < 2 { // what has one row's only key has been found by it
		return nil
	}
	if err := m.settle(ctx); err != nil {
		return err
	}
	same := make([]string, 0, len(p.identity))
	for i := range p.identity {
		same = append(same, fmt.Sprintf("f.k%d", i))
	}
	return mark(ctx, repeats{
		from: m.found + " f", where: "true", line: "f.line", keys: same, way: "f.way",
		name: "duplicate", before: "the same row of " + p.table.Label + " as row ",
	})
}

// noKeyBefore gives the condition under which the source's row has no key before the nth, so that the nth says which row
// it is.
func (p *Plan) noKeyBefore(n int) string {
	conds := make([]string, 0, n)
	for earlier := range n {
		conds = append(conds, "NOT "+p.filled(earlier))
	}
	if n == 0 {
		return "true"
	}
	return strings.Join(conds, " AND ")
}

// relation gives the rows: line, value, whether they are decided, and over all rows with the same keys the first or the last
// (min or max) and whether that one is decided.
//
// Of rows with the same keys the first is kept. If it is decided the others are it; if not, those that are decided are, and
// the rest have keys of their own that tell them apart.
func (r repeats) relation(minOrMax string) string {
	decided, way := "true", "0"
	if r.decided != "" {
		decided = r.decided
	}
	if r.way != "" {
		way = r.way
	}
	window := " OVER (PARTITION BY " + strings.Join(r.keys, ", ") + ")"
	return "(SELECT " + r.line + " AS line, " + way + " AS way, " + decided + " AS decided, " +
		minOrMax + "(" + r.line + ")" + window + " AS kept, " +
		minOrMax + "(" + r.line + ") FILTER (WHERE " + decided + ")" + window + " AS kept_decided FROM " + r.from + " WHERE " + r.where + ") r"
}

const isRepeat = "r.line <> r.kept AND (r.decided OR r.kept = r.kept_decided)"

// exist reports whether there are rows with the same keys at all, which needs no order.
func (m *merge) exist(ctx context.Context, r repeats) (yes bool, err error) {
	err = m.row(ctx, "look for "+r.name+" rows",
		`SELECT EXISTS (SELECT FROM `+r.from+` WHERE `+r.where+` GROUP BY `+strings.Join(r.keys, ", ")+` HAVING count(*) > 1)`, &yes)
	return yes, err
}

// markRepeats adds an error to each row that repeats one before it.
func (m *merge) markRepeats(ctx context.Context, r repeats) error {
	yes, err := m.exist(ctx, r)
	if err != nil || !yes {
		return err
	}
	message := literal(r.before) + " || r.kept || " + literal(r.after)
	rules := []rule{{name: r.name, field: r.field, broken: isRepeat, message: message}}
	if r.way != "" {
		rules = nil
		for n, k := range m.plan.keys {
			rules = append(rules, rule{name: r.name, field: k.field, broken: fmt.Sprintf("r.way = %d AND %s", n, isRepeat), message: message})
		}
	}
	return m.judge(ctx, "FROM "+r.relation("min"), "r.line", rules)
}

// dropEarlier takes rows out that a later one repeats. They are skipped, and are no errors.
func (m *merge) dropEarlier(ctx context.Context, r repeats) error {
	yes, err := m.exist(ctx, r)
	if err != nil || !yes {
		return err
	}
	m.stale = true
	_, err = m.exec(ctx, "keep the last of "+r.name+" rows", `
UPDATE `+m.staging+` u SET errors = '[]' FROM `+r.relation("max")+` WHERE r.line = u.line AND `+isRepeat)
	return err
}
