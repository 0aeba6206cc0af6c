package load

import (
	"context"
	"fmt"
)

// maxRefused is how many rows are searched out one by one before the merge fails as a whole.
const maxRefused = 1000

// isolate writes what the database accepts and marks the rows that it refuses, for reasons that only it can judge:
// exclusion constraints, triggers of the product, unique values that another tenant has. Ranges are halved until the row is
// alone, so that n such rows cost about n × log(rows) statements. cause is why everything at once was refused.
func (m *merge) isolate(ctx context.Context, cause error) (created, updated int64, err error) {
	var l lines
	if err := m.row(ctx, "measure staging", `SELECT min(line), max(line) FROM `+m.staging, &l.from, &l.to); err != nil {
		return 0, 0, err
	}
	// Small ranges are looked up by line, whatever the size of staging.
	setup := `CREATE INDEX ON ` + m.staging + ` (line); SELECT set_config('enable_nestloop', 'on', true);`
	if len(m.plan.keys) > 0 {
		setup += `CREATE INDEX ON ` + m.found + ` (line);`
	}
	if m.undo != nil && m.hasRows() {
		setup += m.createFormer(false) + `; CREATE INDEX ON ` + m.undo.rows + ` (line);`
	}
	if _, err := m.exec(ctx, "prepare to search", setup); err != nil {
		return 0, 0, err
	}
	write := func(ctx context.Context, half lines) error {
		c, u, err := m.writeRange(ctx, half)
		if err == nil {
			created, updated = created+c, updated+u
		}
		return err
	}
	if m.swaps {
		l.but = m.swapping()
	}
	if err := m.halve(ctx, l, cause, write, m.refuse); err != nil || !m.swaps {
		return created, updated, err
	}
	return created, updated, m.writeSwaps(ctx, write)
}

// refuse marks a row with what the database says against it.
func (m *merge) refuse(ctx context.Context, line int64, cause error) error {
	if m.refused++; m.refused > maxRefused {
		return fmt.Errorf("load: more than %d rows refused: %w", maxRefused, cause)
	}
	field, message := m.plan.refusal(cause)
	return m.judge(ctx, fmt.Sprintf("FROM "+m.staging+" s WHERE s.line = %d", line), "s.line", []rule{{
		name: "refused", field: field, broken: "s.errors IS NULL", message: literal(message),
	}})
}
