package dump

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"wharf/internal/catalog"
)

const (
	maxWarnings = 1000
	maxNamed    = 20 // rows that one kind of warning names
)

// warnings are kept up to a number; the rest is counted.
type warnings struct {
	all  []string
	more int
}

func (w *warnings) add(texts ...string) {
	for _, text := range texts {
		if len(w.all) == maxWarnings {
			w.more++
			continue
		}
		w.all = append(w.all, text)
	}
}

func (w *warnings) list() []string {
	all := append([]string{}, w.all...)
	if w.more > 0 {
		all = append(all, fmt.Sprintf("and %d more", w.more))
	}
	return all
}

// tellRows warns of each row that a FROM with its WHERE gives, by name up to a number of them.
func (m *merge) tellRows(ctx context.Context, t *merging, from, what string) error {
	rows, err := m.tx.Query(ctx, `SELECT s.n, `+t.called()+` FROM `+from+fmt.Sprintf(` ORDER BY s.n LIMIT %d`, maxNamed+1), pgx.QueryExecModeExec)
	if err != nil {
		return fmt.Errorf("dump: name rows of %s: %w", t.table.Name, err)
	}
	type named struct {
		N    int64
		Name *string
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[named])
	if err != nil {
		return fmt.Errorf("dump: name rows of %s: %w", t.table.Name, err)
	}
	for i, row := range found {
		if i == maxNamed {
			var all int64
			if err := m.row(ctx, "count rows of "+t.table.Name, `SELECT count(*) FROM `+from, &all); err != nil {
				return err
			}
			m.warn.add(fmt.Sprintf("%s: %d more %s", t.table.Name, all-maxNamed, what))
			break
		}
		name := fmt.Sprintf("row %d", row.N)
		if row.Name != nil && *row.Name != "" {
			name = "'" + *row.Name + "'"
		}
		sep := ": "
		if strings.HasPrefix(what, "skipped") || strings.HasPrefix(what, "imported") {
			sep = " "
		}
		m.warn.add(singular(t.table) + " " + name + sep + what)
	}
	return nil
}

// nameColumns say what a row is called, in this order.
var nameColumns = []string{"name", "title", "subject", "label", "filename", "email", "number", "code", "sku", "slug", "external_id"}

// called gives SQL of what people call the row s, NULL if that is not known.
func (t *merging) called() string {
	var names []string
	for _, name := range nameColumns {
		c, ok := t.table.Column(name)
		if ok && t.gives(c) && c.Kind == catalog.KindText && !c.Tags.Encrypted && !c.Tags.Redact {
			names = append(names, "nullif("+t.cell(c)+"::text, '')")
		}
	}
	if len(names) == 0 {
		return "NULL::text"
	}
	return "left(coalesce(" + strings.Join(names, ", ") + "), 80)"
}

// singular gives what one row of a table is called: deal, company.
func singular(t *catalog.Table) string {
	name := strings.ReplaceAll(t.Name, "_", " ")
	switch {
	case strings.HasSuffix(name, "ies"):
		return strings.TrimSuffix(name, "ies") + "y"
	case strings.HasSuffix(name, "sses"), strings.HasSuffix(name, "xes"), strings.HasSuffix(name, "ches"):
		return strings.TrimSuffix(name, "es")
	case strings.HasSuffix(name, "s") && !strings.HasSuffix(name, "ss"):
		return strings.TrimSuffix(name, "s")
	}
	return name
}

// tellKeyless warns of rows that were created for want of a natural key: a further restore would create them again.
func (m *merge) tellKeyless(ctx context.Context, t *merging) error {
	if t.counts.created == 0 {
		return nil
	}
	var cols []*catalog.Column
	keyless := []string{"true"}
	for _, k := range t.usable() {
		cols = append(cols, t.keyColumns(k)...)
		mine, _ := t.keys(k)
		keyless = append(keyless, "("+strings.Join(mine, " IS NULL OR ")+" IS NULL)")
	}
	if slices.Contains(keyless, "()") {
		return nil
	}
	from, err := m.from(ctx, t, cols)
	if err != nil {
		return err
	}
	var n int64
	if err := m.row(ctx, "count rows without a key", `SELECT count(*) FROM `+from+` WHERE `+strings.Join(keyless, " AND ")+t.isNew()+t.kept(), &n); err != nil || n == 0 {
		return err
	}
	what := "rows have no natural key and were created: a further restore would create them again"
	if n == 1 {
		what = "row has no natural key and was created: a further restore would create it again"
	}
	m.warn.add(fmt.Sprintf("%s: %d %s", t.table.Name, n, what))
	return nil
}
