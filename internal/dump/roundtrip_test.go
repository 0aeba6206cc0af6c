package dump_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"wharf/internal/dump"
	"wharf/internal/exporter"
)

// TestTheSampleProductWalksFromTenantToTenant carries every table of both halves, in each of the formats that are read.
func TestTheSampleProductWalksFromTenantToTenant(t *testing.T) {
	t.Parallel()
	town := newTown(t, "")
	for _, format := range []string{exporter.FormatDump, exporter.FormatJSON} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			w := town.anew(t)
			w.rename(t, &w.theirs, uuid.NewSHA1(uuid.NameSpaceOID, []byte(format))) // the rows follow from it
			w.seed(t, w.theirs, 1, w.user(t, format+"@acme.example", w.ours, w.theirs))
			before := w.unwritten(t, w.theirs)
			doc := w.export(t, w.theirs, format)
			want := canonical(t, w.snapshot, doc)

			rehearsed := w.rehearse(t, doc, verified)
			report := w.restore(t, doc, verified)
			require.Equal(t, rehearsed, report)
			w.allCreated(t, report, want)
			sameRows(t, want, canonical(t, w.snapshot, w.export(t, w.ours, format)))
			w.ownReferences(t)

			again, same := w.restore(t, doc), firm(t, w.snapshot, doc)
			for name, rows := range again.Unchanged {
				require.GreaterOrEqual(t, rows, same[name], name)
				require.LessOrEqual(t, again.Created[name]+again.Updated[name], int64(len(want[name]))-same[name], name)
			}
			home := w.restore(t, doc, into(w.theirs))
			require.Empty(t, nonZero(home.Created))
			require.Empty(t, nonZero(home.Updated))
			require.Equal(t, before, w.unwritten(t, w.theirs))
		})
	}
}

// rename gives a tenant another id.
func (w *town) rename(t *testing.T, tenant *uuid.UUID, id uuid.UUID) {
	t.Helper()
	w.exec(t, `UPDATE wharf.tenants SET id = $2 WHERE id = $1`, *tenant, id)
	*tenant = id
}

// allCreated requires that each row of a document was created and verified, and that every table has some.
func (w *town) allCreated(t *testing.T, report dump.Report, want map[string][]string) {
	t.Helper()
	for _, table := range w.snapshot.Tables {
		rows := int64(len(want[table.Name]))
		if table.Operational {
			require.NotContains(t, report.Created, table.Name)
			continue
		}
		require.NotZero(t, rows, table.Name)
		require.Equal(t, counts{rows, 0, 0, 0}, countsOf(report.Created, report.Updated, report.Unchanged, report.Skipped, table.Name), table.Name)
		require.Equal(t, dump.Verified{Equal: rows}, report.Verified[table.Name], table.Name)
	}
}
