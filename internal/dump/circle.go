package dump

import (
	"context"
	"slices"
	"strings"

	"wharf/internal/catalog"
)

// matchCircles finds rows whose keys go round in a circle, so that no level of a tree comes to them: those of this very
// tenant by their id and the key as it stands, and those of any document whose key names the row itself. It tells whether
// there were some. A longer circle of another tenant's is not found, and created.
func (m *merge) matchCircles(ctx context.Context, tables []*merging) (some bool, err error) {
	for _, t := range tables {
		if t.found == "" || t.key == nil || !t.gives(t.key) || t.counts.matched == t.rows {
			continue
		}
		before := t.counts.matched
		for n, k := range t.usable() {
			if err := m.matchUntranslated(ctx, t, k); err != nil {
				return false, err
			}
			if err := m.matchSelves(ctx, t, n, k); err != nil {
				return false, err
			}
		}
		if t.counts.matched == before {
			continue
		}
		some = true
		if err := m.renew(ctx, t); err != nil {
			return false, err
		}
	}
	return some, nil
}

// matchUntranslated finds rows of this very tenant that have their id and their key still.
func (m *merge) matchUntranslated(ctx context.Context, t *merging, k catalog.Match) error {
	if !m.home || !t.minted {
		return nil
	}
	dead, theirDead := t.dead()
	same := []string{dead + " = " + theirDead}
	for _, part := range k.Keys {
		ours := t.table.ExprOf(part, func(name string) string {
			c, _ := t.table.Column(name)
			return t.cell(c)
		})
		same = append(same, ours+" = "+t.table.Expr(part, "t"))
	}
	rows, err := m.exec(ctx, "match "+t.table.Name+" by id and key", `
INSERT INTO `+t.found+` SELECT s.n, `+t.identityCells()+`
FROM `+t.name+` s JOIN `+t.table.Ident()+` t ON t.`+t.key.Ident()+` = `+t.cell(t.key)+` AND `+t.table.TenantPredicate("t", m.tenant)+`
WHERE `+strings.Join(same, " AND ")+`
  AND NOT EXISTS (SELECT FROM `+t.found+` f WHERE f.n = s.n) AND NOT EXISTS (SELECT FROM `+t.found+` f WHERE `+t.sameRow()+`)`)
	t.counts.matched += rows
	return err
}

// matchSelves pairs rows that name themselves in their key.
func (m *merge) matchSelves(ctx context.Context, t *merging, n int, k catalog.Match) error {
	defer func() { t.self = nil }()
	for _, c := range t.keyColumns(k) {
		if r := t.by[c.Num]; r == nil || len(r.cols) != 1 || !r.refersTo(t.table) {
			continue
		}
		t.self = c
		mine, its := t.nthOfContent(k)
		if err := m.pair(ctx, t, n, k, false, mine, its, true); err != nil {
			return err
		}
		if err := m.pair(ctx, t, n, k, false, "''", "''", false); err != nil {
			return err
		}
	}
	return nil
}

// refersTo reports whether the reference may name a row of the table.
func (r *reference) refersTo(table *catalog.Table) bool {
	if r.fk != nil {
		return r.fk.Target == table
	}
	return slices.ContainsFunc(r.maps, func(known *idMap) bool { return known.table == table })
}
