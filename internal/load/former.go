package load

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"wharf/internal/catalog"
	"wharf/internal/fault"
)

// former gives what a column of the table's row t will hold when the row is restored from u.
func (r *revert) former(name string) string {
	if i := slices.IndexFunc(r.columns, func(c *catalog.Column) bool { return c.Name == name }); i >= 0 {
		return fmt.Sprintf("u.v%d", i)
	}
	return "t." + ident(name)
}

// leave marks rows that cannot be restored, and counts them. cond is SQL over t, u and b.
func (r *revert) leave(ctx context.Context, what, why, cond string) (left int64, err error) {
	return r.exec(ctx, what, `
UPDATE `+r.back+` b SET why = `+literal(why)+`
FROM `+r.rows+` u JOIN `+r.table.Ident()+` t ON `+r.table.TenantPredicate("t", r.tenant)+`
WHERE u.line = b.line AND t.tableoid = b.wharf_of AND t.ctid = b.wharf_at AND b.why IS NULL AND `+cond)
}

// checkReferences leaves rows that would refer to a row which is gone, or was never the tenant's: Postgres would not mind
// the latter.
func (r *revert) checkReferences(ctx context.Context) error {
	for _, fk := range r.table.ForeignKeys {
		if r.head.Updated == 0 || fk.Target == nil || !r.writesAny(fk.Columns) {
			continue
		}
		filled := make([]string, 0, len(fk.Columns))
		same := []string{fk.Target.TenantPredicate("x", r.tenant)}
		for i, name := range fk.Columns {
			filled = append(filled, r.former(name)+" IS NOT NULL")
			same = append(same, "x."+ident(fk.TargetColumns[i])+" = "+r.former(name))
		}
		_, err := r.leave(ctx, "check former references", "what it referred to is gone: "+fk.Target.Label,
			strings.Join(filled, " AND ")+" AND NOT EXISTS (SELECT FROM "+fk.Target.Ident()+" x WHERE "+strings.Join(same, " AND ")+")")
		if err != nil {
			return err
		}
	}
	return nil
}

// checkUniques leaves rows whose unique value another row has by now and keeps; what is left keeps its own from others.
func (r *revert) checkUniques(ctx context.Context) error {
	for {
		left, err := r.checkUniquesOnce(ctx)
		if err != nil || left == 0 {
			return err
		}
	}
}

func (r *revert) checkUniquesOnce(ctx context.Context) (left int64, err error) {
	for _, u := range r.table.Uniques {
		var names, labels []string
		same := []string{r.table.ConditionOf(u.Predicate, r.former), r.table.Condition(u.Predicate, "o")}
		equals := " = "
		if !u.NullsDistinct {
			equals = " IS NOT DISTINCT FROM "
		}
		for _, k := range u.Keys {
			names = append(names, k.Columns...)
			same = append(same, r.table.Expr(k, "o")+equals+r.table.ExprOf(k, r.former))
			for _, name := range k.Columns {
				if c, ok := r.table.Column(name); ok && name != r.table.Scope.Column {
					labels = append(labels, c.Label)
				}
			}
		}
		r.table.ConditionOf(u.Predicate, func(name string) string { names = append(names, name); return "NULL" })
		if r.head.Updated == 0 || !r.writesAny(names) || slices.ContainsFunc(names, r.isGenerated) {
			continue
		}
		at := "wharf_of = o.tableoid AND wharf_at = o.ctid"
		n, err := r.leave(ctx, "check former unique values", "another row has its former "+strings.Join(labels, " and "),
			"EXISTS (SELECT FROM "+r.table.Ident()+" o WHERE "+r.table.TenantPredicate("o", r.tenant)+" AND "+strings.Join(same, " AND ")+
				" AND NOT EXISTS (SELECT FROM "+r.gone+" WHERE "+at+") AND NOT EXISTS (SELECT FROM "+r.back+" WHERE "+at+" AND why IS NULL))")
		if err != nil {
			return 0, err
		}
		left += n
	}
	return left, nil
}

func (r *revert) isGenerated(name string) bool {
	c, ok := r.table.Column(name)
	return !ok || c.Generated
}

// restore gives rows their former values.
func (r *revert) restore(ctx context.Context) error {
	if err := r.meetUpdated(ctx, false); err != nil {
		return err
	}
	return r.write(ctx)
}

// write restores the rows that have nothing against it. Those that the database refuses are searched out.
func (r *revert) write(ctx context.Context) error {
	if r.head.Updated == 0 || len(r.columns) == 0 {
		return nil
	}
	var restored int64
	write := func(ctx context.Context, l lines) error {
		n, err := r.restoreRange(ctx, l)
		if err == nil {
			restored += n
		}
		return err
	}
	err := r.attempt(ctx, func(ctx context.Context) error { return write(ctx, everyLine) })
	if Refused(err) { // rows may have exchanged unique values
		err = r.attempt(ctx, func(ctx context.Context) error {
			if err := r.park(ctx); err != nil {
				return err
			}
			return write(ctx, everyLine)
		})
	}
	if Refused(err) {
		err = r.search(ctx, err, write)
	}
	r.out.Restored += restored
	return r.answer(err, "restored")
}

// park takes the unique values away from rows that get others, so that they can take them from each other.
func (r *revert) park(ctx context.Context) error {
	for _, u := range r.table.Uniques {
		park := parkingOf(r.table, u, func(name string) bool { return r.writesAny([]string{name}) })
		if park == nil {
			continue
		}
		_, err := r.exec(ctx, "park values", `
WITH parked AS (
    UPDATE `+r.table.Ident()+` t SET `+park.col.Ident()+` = `+park.value+`
    FROM `+r.back+` b JOIN `+r.rows+` u ON u.line = b.line
    WHERE `+r.table.TenantPredicate("t", r.tenant)+` AND t.tableoid = b.wharf_of AND t.ctid = b.wharf_at AND b.why IS NULL
    AND t.`+park.col.Ident()+` IS DISTINCT FROM `+r.former(park.col.Name)+`
    RETURNING b.line, t.tableoid AS wharf_of, t.ctid AS wharf_at)
UPDATE `+r.back+` b SET wharf_of = p.wharf_of, wharf_at = p.wharf_at FROM parked p WHERE p.line = b.line`)
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *revert) restoreRange(ctx context.Context, l lines) (int64, error) {
	sets := make([]string, 0, len(r.columns))
	for i, c := range r.columns {
		sets = append(sets, fmt.Sprintf("%s = u.v%d", c.Ident(), i))
	}
	return r.exec(ctx, "restore rows", `
UPDATE `+r.table.Ident()+` t SET `+strings.Join(sets, ", ")+`
FROM `+r.back+` b JOIN `+r.rows+` u ON u.line = b.line
WHERE `+r.table.TenantPredicate("t", r.tenant)+` AND t.tableoid = b.wharf_of AND t.ctid = b.wharf_at AND b.why IS NULL`+l.in("b")+l.in("u"))
}

func (r *revert) search(ctx context.Context, cause error, write func(ctx context.Context, l lines) error) error {
	_, err := r.exec(ctx, "prepare to search", `CREATE INDEX IF NOT EXISTS wharf_line_r ON `+r.back+` (line);
CREATE INDEX IF NOT EXISTS wharf_line_u ON `+r.rows+` (line); SELECT set_config('enable_nestloop', 'on', true)`)
	if err != nil {
		return err
	}
	var l lines
	if err := r.row(ctx, "measure", `SELECT min(line), max(line) FROM `+r.back+` WHERE why IS NULL`, &l.from, &l.to); err != nil {
		return err
	}
	return r.halve(ctx, l, cause, write, func(ctx context.Context, line int64, cause error) error {
		if r.refused++; r.refused > maxRefused {
			return fault.Wrap(cause, fault.Conflict, fmt.Sprintf("more than %d rows cannot be restored: %s", maxRefused, PublicMessage(cause)))
		}
		_, err := r.exec(ctx, "leave a row", fmt.Sprintf(`UPDATE %s SET why = %s, refused = true WHERE line = %d`, r.back, literal(PublicMessage(cause)), line))
		return err
	})
}

// restoreRefused tries the refused rows again.
func (r *revert) restoreRefused(ctx context.Context) error {
	if r.refused == 0 || r.out.Deleted == 0 && len(r.tables) == 1 {
		return nil
	}
	r.refused = 0
	if _, err := r.exec(ctx, "try refused rows again", `UPDATE `+r.back+` SET why = NULL WHERE refused`); err != nil {
		return err
	}
	if err := r.meetUpdated(ctx, true); err != nil {
		return err
	}
	return r.write(ctx)
}
