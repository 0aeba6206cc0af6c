package load

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// lookUpInFile finds the references to the table itself that name no row of it yet but a row of the file: the part of a set
// may come in the same file as the set. It needs ids that are known before the rows are written, which the minted ones are;
// in a table whose keys the database gives, such a reference names no row until its row is there.
func (m *merge) lookUpInFile(ctx context.Context) error {
	p := m.plan
	missing := false
	refs := p.inFileReferences()
	for _, ref := range refs {
		var some bool
		if err := m.row(ctx, "look for rows of the file", `SELECT EXISTS (SELECT FROM `+beside(m.name, ref.suffix())+` WHERE hits = 0)`, &some); err != nil {
			return err
		}
		missing = missing || some
	}
	if !missing {
		return nil
	}
	if err := m.findRows(ctx); err != nil {
		return err
	}
	for _, ref := range refs {
		n, err := m.exec(ctx, "find rows of the file", m.inFileSQL(ref))
		if err != nil {
			return err
		}
		m.inFile = m.inFile || n > 0
	}
	m.matched, m.changed = 0, 0
	_, err := m.exec(ctx, "forget found rows", `DROP TABLE `+m.found)
	return err
}

// inFileReferences gives the references that the file's own rows can answer. One that is part of a natural key is not among
// them: it says which row its row is, and so is needed before.
func (p *Plan) inFileReferences() []*reference {
	return slices.DeleteFunc(p.references(), func(r *reference) bool {
		return !r.self || r.kind >= 0 || r.targets[0].key != p.mint || len(p.keys) == 0 || p.inKey(p.cols[r.col].Name)
	})
}

// inFileSQL notes for each text without a hit the one row of the file that has it as a natural key. Rows with the same first
// key are one row; with the same later key they may be two, and then the text names several.
func (m *merge) inFileSQL(ref *reference) string {
	p := m.plan
	keptLine := "min(s.line)"
	if p.spec.LastWins {
		keptLine = "max(s.line)"
	}
	var ways []string
	for n, w := range ref.targets[0].ways {
		hits := "count(*)"
		if w.match.String() == p.keys[0].String() {
			hits = "1"
		}
		if len(w.match.Keys) > 1 || p.missing(w.match) != "" {
			continue
		}
		ways = append(ways, `
    SELECT g.given, `+strconv.Itoa(n)+` AS way, `+hits+` AS hits, `+keptLine+` AS line
    FROM g JOIN `+m.source+` ON `+p.table.ExprOf(w.key, p.cellOf)+` = `+asKey(p.table, w.key, "g.given")+` AND s.errors IS NULL
    GROUP BY g.given`)
	}
	key, hits := fmt.Sprintf("k%d", slices.Index(p.identity, p.mint)), "best.hits"
	if p.openEnded() { // the row of the file may be several of the table
		hits = "greatest(best.hits, f.hits)"
	}
	if len(ways) == 0 {
		ways = []string{"SELECT NULL AS given, 0 AS way, 0 AS hits, 0 AS line WHERE false"}
	}
	return `
WITH g AS MATERIALIZED (SELECT given FROM ` + beside(m.name, ref.suffix()) + ` WHERE hits = 0),
best AS (SELECT DISTINCT ON (given) * FROM (` + strings.Join(ways, " UNION ALL ") + `) w ORDER BY given, way)
UPDATE ` + beside(m.name, ref.suffix()) + ` r
SET hits = ` + hits + `, id = CASE WHEN ` + hits + ` = 1 THEN coalesce(f.` + key + `, s.id) END,
    line = CASE WHEN ` + hits + ` = 1 AND f.line IS NULL THEN s.line END
FROM best JOIN ` + m.staging + ` s ON s.line = best.line LEFT JOIN ` + m.found + ` f ON f.line = s.line
WHERE r.given = best.given`
}
