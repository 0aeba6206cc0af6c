package dump

import (
	"context"
	"fmt"
	"strings"

	"wharf/internal/catalog"
)

// matchPairs finds rows by a key that several may have. First those that alone have it on both sides; where there are more,
// rows with the same content are taken for each other, so that a second restore finds what the first one made; and of what is
// left the first for the first.
func (m *merge) matchPairs(ctx context.Context, t *merging, n int, k catalog.Match, onlyDead bool) error {
	dead, _ := t.dead()
	if onlyDead && dead == "false" {
		return nil
	}
	if m.home && t.minted && t.gives(t.key) {
		if err := m.pair(ctx, t, n, k, onlyDead, t.cell(t.key)+"::text", "t."+t.key.Ident()+"::text", true); err != nil {
			return err
		}
	}
	if err := m.pairAlone(ctx, t, n, k, onlyDead); err != nil || t.counts.matched == t.rows {
		return err
	}
	var more bool
	from, ours, _, err := m.candidates(ctx, t, k)
	if err != nil {
		return err
	}
	if onlyDead {
		ours += " AND " + dead
	}
	if err := m.row(ctx, "look for rows to pair", `SELECT EXISTS (SELECT FROM `+from+` WHERE `+ours+`)`, &more); err != nil || !more {
		return err
	}
	mine, its := t.nthOfContent(k)
	if err := m.pair(ctx, t, n, k, onlyDead, mine, its, true); err != nil || t.counts.matched == t.rows {
		return err
	}
	return m.pair(ctx, t, n, k, onlyDead, "''", "''", false)
}

// nthOfContent tells a row by what it holds, and by its place among those that hold the same.
func (t *merging) nthOfContent(k catalog.Match) (ours, theirs string) {
	mine, its := t.contents()
	key, theirKey := t.keys(k)
	nth := func(content string, key []string, place string) string {
		return content + " || row_number() OVER (PARTITION BY " + content + ", " + strings.Join(key, ", ") + " ORDER BY " + place + ")"
	}
	return nth(mine, key, "s.n"), nth(its, theirKey, "t."+t.identity[0].Ident())
}

// pairAlone finds the rows that alone have a key on both sides. Mostly these are all: then a plain join tells, which is
// given up when it gives more pairs than there are rows.
func (m *merge) pairAlone(ctx context.Context, t *merging, n int, k catalog.Match, onlyDead bool) error {
	if t.counts.matched == 0 {
		from, err := m.from(ctx, t, append(t.keyColumns(k), t.before(n)...))
		if err != nil {
			return err
		}
		_, ours, theirs, err := m.candidates(ctx, t, k)
		if err != nil {
			return err
		}
		mine, its := t.keys(k)
		for i := range mine {
			ours += " AND " + its[i] + " = " + mine[i]
		}
		dead, theirDead := t.dead()
		if onlyDead {
			ours += " AND " + dead
		}
		rows, err := m.exec(ctx, "pair rows of "+t.table.Name, `
INSERT INTO `+t.found+` SELECT s.n, `+t.identityCells()+`
FROM `+from+` CROSS JOIN `+t.table.Ident()+` t WHERE `+ours+` AND `+theirs+` AND `+dead+` = `+theirDead+t.agree(n)+fmt.Sprintf(` LIMIT %d`, t.rows+1))
		if err != nil {
			return err
		}
		alone := rows <= t.rows
		if alone {
			err := m.row(ctx, "look for rows with one key", `SELECT (SELECT count(*) FROM (SELECT FROM `+t.found+` GROUP BY n) x) = `+fmt.Sprint(rows)+`
AND (SELECT count(*) FROM (SELECT FROM `+t.found+` GROUP BY `+t.prefixed("k")+`) x) = `+fmt.Sprint(rows), &alone)
			if err != nil {
				return err
			}
		}
		if alone {
			t.counts.matched = rows
			return nil
		}
		if _, err := m.exec(ctx, "begin to pair rows anew", `TRUNCATE `+t.found); err != nil {
			return err
		}
	}
	return m.pair(ctx, t, n, k, onlyDead, "", "", false)
}

// contents gives a text of what rows hold beside their keys and references.
func (t *merging) contents() (ours, theirs string) {
	var mine, its []string
	for _, c := range t.writable() {
		if t.by[c.Num] == nil && !c.Tags.Encrypted && !c.Tags.Redact && c.Kind != catalog.KindOther && c.Name != activeColumn && !t.partial[c.Num] {
			mine, its = append(mine, t.cell(c)+"::text"), append(its, "t."+c.Ident()+"::text")
		}
	}
	if len(mine) == 0 {
		return "''", "''"
	}
	return "md5(concat_ws(chr(1), " + strings.Join(mine, ", ") + "))", "md5(concat_ws(chr(1), " + strings.Join(its, ", ") + "))"
}

// pair takes rows with one key for each other: without an order those that alone have it, else the ith for the ith, or with
// same those of the same order only.
func (m *merge) pair(ctx context.Context, t *merging, n int, k catalog.Match, onlyDead bool, order, theirOrder string, same bool) error {
	from, err := m.from(ctx, t, append(t.keyColumns(k), t.before(n)...))
	if err != nil {
		return err
	}
	_, ours, theirs, err := m.candidates(ctx, t, k)
	if err != nil {
		return err
	}
	mine, its := t.keys(k)
	dead, theirDead := t.dead()
	if onlyDead {
		ours, theirs = ours+" AND "+dead, theirs+" AND "+theirDead
	}
	// A key is told by its hash, which is short to sort by; the key itself decides.
	h, th := "0::bigint", "0::bigint"
	on := "a.h = b.h AND a.i = b.i"
	var e, te []string
	for i := range mine {
		h, th = "hashtextextended("+mine[i]+"::text, "+h+")", "hashtextextended("+its[i]+"::text, "+th+")"
		e, te = append(e, fmt.Sprintf("%s AS e%d", mine[i], i)), append(te, fmt.Sprintf("%s AS e%d", its[i], i))
		on += fmt.Sprintf(" AND a.e%[1]d = b.e%[1]d", i)
	}
	h, th = "hashtextextended("+dead+"::text, "+h+")", "hashtextextended("+theirDead+"::text, "+th+")"
	for j, before := range t.usable()[:n] {
		x, y := t.keys(before)
		for i := range x {
			e, te = append(e, fmt.Sprintf("%s AS p%d_%d", x[i], j, i)), append(te, fmt.Sprintf("%s AS p%d_%d", y[i], j, i))
			on += fmt.Sprintf(" AND (a.p%[1]d_%[2]d = b.p%[1]d_%[2]d OR a.p%[1]d_%[2]d IS NULL OR b.p%[1]d_%[2]d IS NULL)", j, i)
		}
	}
	number, theirNumber := "count(*) OVER (PARTITION BY "+h+")", "count(*) OVER (PARTITION BY "+th+")"
	switch {
	case same:
		number, theirNumber = order, theirOrder
	case order != "":
		number = "row_number() OVER (PARTITION BY " + h + " ORDER BY " + order + ", s.n)"
		theirNumber = "row_number() OVER (PARTITION BY " + th + " ORDER BY " + theirOrder + ", t." + t.identity[0].Ident() + ")"
	default:
		on += " AND a.i = 1"
	}
	rows, err := m.exec(ctx, "pair rows of "+t.table.Name, `
INSERT INTO `+t.found+`
SELECT a.n, `+t.prefixed("b.k")+`
FROM (SELECT s.n, `+h+` AS h, `+number+` AS i, `+strings.Join(e, ", ")+` FROM `+from+` WHERE `+ours+`) a
JOIN (SELECT `+t.identityCells()+`, `+th+` AS h, `+theirNumber+` AS i, `+strings.Join(te, ", ")+` FROM `+t.table.Ident()+` t WHERE `+theirs+`) b ON `+on)
	t.counts.matched += rows
	return err
}
