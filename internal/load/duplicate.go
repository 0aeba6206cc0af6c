package load

import (
	"context"
	"fmt"
	"strings"

	"wharf/internal/catalog"
)

// markUniques marks every later occurrence of a cell that must be unique in the file, and names the first row.
func (m *merge) markUniques(ctx context.Context) error {
	for _, u := range m.plan.spec.Uniques {
		c := m.plan.cols[u.Column]
		key := `lower(btrim(s.` + ident(c.Name) + `::text))`
		err := m.markRepeats(ctx, []string{key}, `nullif(btrim(s.`+ident(c.Name)+`::text), '') IS NOT NULL`, "", c.Name, "unique",
			u.Message+"; row %s has the same value")
		if err != nil {
			return err
		}
	}
	return nil
}

// markDuplicates makes sure that no two rows to be written have the same natural key.
func (m *merge) markDuplicates(ctx context.Context) error {
	p := m.plan
	for n, k := range p.matches {
		var keys, set []string
		for _, key := range k.Keys {
			expr := p.table.Expr(key, "s")
			set = append(set, expr+" IS NOT NULL")
			if c, ok := p.table.Column(key.Column); !ok || c.Kind == catalog.KindText {
				expr += ` COLLATE "C"`
			}
			keys = append(keys, expr)
		}
		cond := "s.{errors} IS NULL AND " + strings.Join(set, " AND ")
		if p.spec.LastWins {
			if err := m.dropEarlier(ctx, keys, cond); err != nil {
				return err
			}
			continue
		}
		err := m.markRepeats(ctx, keys, cond, p.earlierBlank(n), fieldOf(k), "duplicate", "the same "+k.names+" as row %s")
		if err != nil {
			return err
		}
	}
	return nil
}

// earlierBlank gives when the nth key decides which row a staged row is: an earlier one is blank. "": always.
func (p *Plan) earlierBlank(n int) string {
	var conds []string
	for _, earlier := range p.matches[:n] {
		var blank []string
		for _, k := range earlier.Keys {
			blank = append(blank, p.table.Expr(k, "s")+" IS NULL")
		}
		conds = append(conds, "("+strings.Join(blank, " OR ")+")")
	}
	return strings.Join(conds, " AND ")
}

func fieldOf(k match) string {
	if len(k.Keys) == 1 && len(k.Keys[0].Columns) == 1 {
		return k.Keys[0].Columns[0]
	}
	return ""
}

// markRepeats adds an error to each row whose keys another row had before. decided restricts which rows the keys decide:
// of two rows with the same keys one at least must be such. message has one %s, the first row's number.
func (m *merge) markRepeats(ctx context.Context, keys []string, cond, decided, field, rule, message string) error {
	if decided == "" {
		decided = "true"
	}
	list := strings.Join(keys, ", ")
	repeats, err := m.exists(ctx, m.sql(`SELECT EXISTS (SELECT FROM {source} WHERE `+cond+` GROUP BY `+list+` HAVING count(*) > 1)`))
	if err != nil || !repeats {
		return err
	}
	_, err = m.exec(ctx, "mark "+rule, m.sql(`
UPDATE {staging} u SET {errors} = {addError}
FROM (SELECT s.{row}, {decided} AS decided, min(s.{row}) OVER same AS first, min(s.{row}) FILTER (WHERE {decided}) OVER same AS first_decided
      FROM {source} WHERE `+cond+` WINDOW same AS (PARTITION BY `+list+`)) d
WHERE d.{row} = u.{row} AND d.{row} > CASE WHEN d.decided THEN d.first ELSE d.first_decided END`,
		"{decided}", decided,
		"{addError}", addError("u", "$1::text", "$2::text", "replace($3::text, '%s', d.first::text)", m.valueOf(field))), field, rule, message)
	return err
}

func (m *merge) valueOf(field string) string {
	if field == "" {
		return "''"
	}
	return "left(u." + ident(field) + "::text, 200)"
}

// dropEarlier takes rows out that a later one with the same key replaces. They are skipped, and are no errors.
func (m *merge) dropEarlier(ctx context.Context, keys []string, cond string) error {
	_, err := m.exec(ctx, "keep the last of each key", m.sql(`
UPDATE {staging} u SET {errors} = '[]'
FROM (SELECT s.{row}, max(s.{row}) OVER (PARTITION BY `+strings.Join(keys, ", ")+`) AS last FROM {source} WHERE `+cond+`) d
WHERE d.{row} = u.{row} AND d.{row} < d.last`))
	return err
}

func (m *merge) exists(ctx context.Context, sql string, args ...any) (bool, error) {
	var yes bool
	if err := m.tx.QueryRow(ctx, sql, args...).Scan(&yes); err != nil {
		return false, fmt.Errorf("load: check: %w", err)
	}
	return yes, nil
}
