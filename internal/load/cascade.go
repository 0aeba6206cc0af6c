package load

import (
	"context"
	"fmt"
	"strings"
)

// markCascade marks rows that need another row of the file which cannot be written: one that they name, or one that was to
// give up a value for them. What needs them is marked as well.
func (m *merge) markCascade(ctx context.Context) error {
	var links []string
	var rules []rule
	if m.inFile {
		for _, ref := range m.plan.inFileReferences() {
			c := &m.plan.cols[ref.col]
			links = append(links, fmt.Sprintf(`SELECT s.line, s.l%[1]d AS needs, %[1]d AS col, false AS swap FROM `, c.n)+m.source+
				fmt.Sprintf(` WHERE s.errors IS NULL AND s.l%d IS NOT NULL`, c.n))
			rules = append(rules, rule{
				name: "reference", field: c.Name, broken: fmt.Sprintf("l.col = %d AND NOT l.swap", c.n),
				message: literal(c.label()+" names row ") + " || l.needs || " + literal(", which cannot be written"),
			})
		}
	}
	if m.swaps {
		given, takers := m.swapLinks()
		links, rules = append(links, given), append(rules, takers...)
	}
	if len(links) == 0 {
		return nil
	}
	return m.judge(ctx, `FROM (
    WITH RECURSIVE link AS MATERIALIZED (`+strings.Join(links, " UNION ALL ")+`),
    bad(line) AS (SELECT line FROM `+m.staging+` WHERE errors IS NOT NULL UNION SELECT link.line FROM link JOIN bad ON bad.line = link.needs)
    SELECT DISTINCT ON (link.line) link.* FROM link JOIN bad ON bad.line = link.needs ORDER BY link.line, link.swap, link.col) l`, "l.line", rules)
}
