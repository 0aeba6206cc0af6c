package dump_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"wharf/internal/dump"
	"wharf/internal/exporter"
)

// TestWhateverTheSchemaARoundTripIsExact dumps random tables, restores them into a tenant that has none, and dumps again.
func TestWhateverTheSchemaARoundTripIsExact(t *testing.T) {
	t.Parallel()
	town := newTown(t, "")
	rapid.Check(t, func(t *rapid.T) {
		keyed := rapid.Bool().Draw(t, "all keyed")
		schema := drawSchema(t, keyed)
		w := town.build(t, schema)
		defer w.exec(t, `DROP SCHEMA `+schema.name+` CASCADE`)
		schema.drawRows(t)
		w.exec(t, schema.insert(w.theirs))
		t.Log(schema.ddl(), schema.references(), schema.insert(w.theirs))
		before := w.untouched(t, w.theirs)
		doc := w.export(t, w.theirs, rapid.SampledFrom(formats).Draw(t, "format"))
		want := canonical(t, w.snapshot, doc)

		report := w.both(t, doc, verified)
		for _, table := range w.snapshot.Tables {
			rows := int64(len(want[table.Name]))
			require.Equal(t, counts{rows, 0, 0, 0}, countsOf(report.Created, report.Updated, report.Unchanged, report.Skipped, table.Name), table.Name)
			if schema.tables[number(table.Name)].known() {
				require.Equal(t, dump.Verified{Equal: rows}, report.Verified[table.Name], table.Name)
			}
		}
		sameRows(t, want, canonical(t, w.snapshot, w.export(t, w.ours, "json")))
		require.Equal(t, before, w.untouched(t, w.theirs))

		held := w.unwritten(t, w.ours)
		again := w.both(t, doc)
		require.Empty(t, nonZero(again.Skipped))
		if keyed {
			require.Empty(t, nonZero(again.Created))
			require.Empty(t, nonZero(again.Updated))
			require.Equal(t, held, w.unwritten(t, w.ours))
		}

		home := w.both(t, doc, into(w.theirs))
		for _, table := range w.snapshot.Tables {
			if schema.tables[number(table.Name)].known() {
				require.Zero(t, home.Created[table.Name], table.Name)
				require.Zero(t, home.Updated[table.Name], table.Name)
			}
		}
	})
}

// TestWhateverTheSchemaAChangedTenantCatchesUp restores a dump, changes its source, and restores a dump of that.
func TestWhateverTheSchemaAChangedTenantCatchesUp(t *testing.T) {
	t.Parallel()
	town := newTown(t, "")
	rapid.Check(t, func(t *rapid.T) {
		schema := drawSchema(t, true)
		w := town.build(t, schema)
		defer w.exec(t, `DROP SCHEMA `+schema.name+` CASCADE`)
		schema.drawRows(t)
		w.exec(t, schema.insert(w.theirs))
		w.restore(t, w.export(t, w.theirs, "json"))
		first := schema.insert(w.theirs)
		changes, created, updated := schema.change(t, w.theirs)
		w.exec(t, changes)
		t.Log(schema.ddl(), schema.references(), first, changes)

		doc := w.export(t, w.theirs, rapid.SampledFrom(formats).Draw(t, "format"))
		report := w.both(t, doc, verified)
		require.Equal(t, created, nonZero(report.Created))
		require.Equal(t, updated, nonZero(report.Updated))
		sameRows(t, canonical(t, w.snapshot, doc), canonical(t, w.snapshot, w.export(t, w.ours, "json")))
	})
}

// number gives the place of a random table in its schema.
func number(name string) int { return int(name[len(name)-1] - '0') }

var formats = []string{exporter.FormatDump, exporter.FormatDump, exporter.FormatJSON}

// both rehearses a restore and runs it, and requires that they tell the same.
func (w *town) both(t *rapid.T, doc string, change ...func(*dump.Spec)) dump.Report {
	rehearsed := w.rehearse(t, doc, change...)
	report := w.restore(t, doc, change...)
	require.Equal(t, rehearsed, report, "a dry run told something else")
	return report
}

// nonZero leaves out the counts of nothing.
func nonZero(of map[string]int64) map[string]int64 {
	out := maps.Clone(of)
	maps.DeleteFunc(out, func(_ string, n int64) bool { return n == 0 })
	if out == nil {
		out = map[string]int64{}
	}
	return out
}

// change draws other values for columns that no key has, and rows that were not there. It gives the statements for a tenant
// that has the former rows, and how many rows of each table they concern.
func (s *randomSchema) change(t *rapid.T, tenant uuid.UUID) (sql string, created, updated map[string]int64) {
	created, updated = map[string]int64{}, map[string]int64{}
	out := s.prelude()
	for _, r := range s.tables {
		if r.natural == byTag || r.natural == byTwo { // which row a new one is would be a matter of luck
			continue
		}
		for _, row := range r.rows {
			if len(r.columns) == 0 || rapid.Bool().Draw(t, "leave") {
				continue
			}
			c := rapid.SampledFrom(r.columns).Draw(t, "changes")
			if value := rapid.SampledFrom(c.kind.values).Draw(t, c.kind.sql); value != row[c.name] {
				row[c.name] = value
				out = append(out, r.update(tenant, row, c.name))
				updated[r.name]++
			}
		}
		if row := r.drawAnother(t); row != nil {
			out = append(out, r.insert(tenant, row))
			created[r.name]++
		}
	}
	return strings.Join(out, ";\n"), created, updated
}

// drawAnother draws a row beside those that are there, or nil.
func (r *randomTable) drawAnother(t *rapid.T) map[string]string {
	if r.key == keyPair || r.poly != nil && r.poly.notNull || rapid.Bool().Draw(t, "no other") {
		return nil
	}
	row := r.drawRow(t, len(r.rows)+10)
	delete(row, "deleted_at")
	row["code"] = "'another'"
	for _, ref := range r.refs {
		row[ref.column] = ""
		if ref.notNull {
			if len(ref.to.rows) == 0 {
				return nil
			}
			key, _ := ref.to.keyColumn()
			row[ref.column] = ref.to.rows[0][key]
		}
	}
	return row
}
