package dump_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestReferencesThatTheDocumentCannotResolve(t *testing.T) {
	t.Parallel()
	w := newTown(t, "")
	t.Run("are looked up among the tenant's own rows", func(t *testing.T) {
		t.Parallel()
		w := w.anew(t)
		company := uuid.NewString()
		w.fill(t, `INSERT INTO companies (id, tenant_id, name) VALUES ('`+company+`', $1, 'Acme')`)
		report := w.restore(t, documentOf(w.ours, `"contacts": [{"id": "`+id(1)+`", "external_id": "C", "company_id": "`+company+`"}],
			"notes": [{"id": "`+id(2)+`", "entity_type": "company", "entity_id": "`+company+`", "body": "n"}]`))
		require.EqualValues(t, 1, report.Created["notes"])
		require.Equal(t, "C|Acme", w.one(t, `SELECT c.external_id, o.name FROM contacts c JOIN companies o ON o.id = c.company_id WHERE c.tenant_id = $1`))
		require.Equal(t, company, w.one(t, `SELECT entity_id FROM notes WHERE tenant_id = $1`))
		require.Empty(t, report.Warnings)
	})
	t.Run("become null with a warning where the column allows it", func(t *testing.T) {
		t.Parallel()
		w := w.anew(t)
		report := w.restore(t, document(`"contacts": [{"external_id": "C", "company_id": "`+id(1)+`"}], "activities": [{"external_id": "A", "kind": "call", "entity_type": "deal", "entity_id": "`+id(1)+`"}]`))
		require.Equal(t, counts{1, 0, 0, 0}, countsOf(report.Created, report.Updated, report.Unchanged, report.Skipped, "contacts"))
		require.Equal(t, "C|∅", w.one(t, `SELECT external_id, company_id FROM contacts WHERE tenant_id = $1`))
		require.Equal(t, "A|∅", w.one(t, `SELECT external_id, entity_id FROM activities WHERE tenant_id = $1`))
		require.NotEmpty(t, about(report, "company_id"), "%q", report.Warnings)
		require.NotEmpty(t, about(report, "entity_id"), "%q", report.Warnings)
	})
	t.Run("leave out the row where it does not", func(t *testing.T) {
		t.Parallel()
		w := w.anew(t)
		report := w.restore(t, document(`"deals": [{"id": "`+id(3)+`", "external_id": "D", "name": "Big Deal", "pipeline_id": "`+id(1)+`", "stage_id": "`+id(2)+`"}],
			"notes": [{"id": "`+id(4)+`", "entity_type": "contact", "entity_id": "`+id(9)+`", "body": "lost"}]`))
		require.Equal(t, counts{0, 0, 0, 1}, countsOf(report.Created, report.Updated, report.Unchanged, report.Skipped, "deals"))
		require.Equal(t, counts{0, 0, 0, 1}, countsOf(report.Created, report.Updated, report.Unchanged, report.Skipped, "notes"))
		require.Contains(t, report.Warnings, `deal 'Big Deal' skipped: pipeline_id names no row of this dump or tenant`)
		require.NotEmpty(t, about(report, "entity_id"), "%q", report.Warnings)
		require.Equal(t, "0", w.one(t, `SELECT count(*) FROM deals WHERE tenant_id = $1`))
	})
	t.Run("leave out what hangs on a row that is left out", func(t *testing.T) {
		t.Parallel()
		w := w.anew(t)
		report := w.restore(t, document(`"pipelines": [{"id": "`+id(1)+`", "name": "P", "slug": "p"}],
			"deals": [{"id": "`+id(3)+`", "external_id": "D", "name": "Big Deal", "pipeline_id": "`+id(1)+`", "stage_id": "`+id(2)+`"}],
			"deal_line_items": [{"id": "`+id(5)+`", "deal_id": "`+id(3)+`", "description": "line"}],
			"tasks": [{"id": "`+id(6)+`", "external_id": "T", "title": "t", "entity_type": "deal", "entity_id": "`+id(3)+`"}],
			"notes": [{"id": "`+id(7)+`", "entity_type": "deal", "entity_id": "`+id(3)+`", "body": "n"}, {"id": "`+id(8)+`", "entity_type": "note", "entity_id": "`+id(7)+`", "body": "on n"}]`))
		for table, skipped := range map[string]int64{"deals": 1, "deal_line_items": 1, "notes": 2, "tasks": 0, "pipelines": 0} {
			require.Equal(t, skipped, report.Skipped[table], table)
		}
		require.Equal(t, "T|∅", w.one(t, `SELECT external_id, entity_id FROM tasks WHERE tenant_id = $1`))
	})
	t.Run("are never written as they came, not even if nothing forbids it", func(t *testing.T) {
		t.Parallel()
		w := w.anew(t)
		theirs := uuid.NewString()
		w.fill(t, `INSERT INTO contacts (id, tenant_id) VALUES ('`+theirs+`', $2)`)
		report := w.restore(t, documentOf(w.ours, `"tasks": [{"id": "`+id(1)+`", "external_id": "T", "title": "t", "entity_type": "contact", "entity_id": "`+theirs+`"},
			{"id": "`+id(2)+`", "external_id": "U", "title": "t", "entity_type": "contact", "entity_id": null},
			{"id": "`+id(3)+`", "external_id": "V", "title": "t", "entity_type": null, "entity_id": "`+theirs+`"}]`))
		require.EqualValues(t, 3, report.Created["tasks"])
		require.Equal(t, []string{"∅", "∅", "∅"}, w.query(t, `SELECT entity_id FROM tasks WHERE tenant_id = $1`))
	})
}

func TestAnUpdateWhoseReferenceIsLostKeepsTheRow(t *testing.T) {
	t.Parallel()
	w := newTown(t, "")
	w.fill(t, `INSERT INTO pipelines (id, tenant_id, name, slug) VALUES ('`+id(1)+`', $1, 'P', 'p');
		INSERT INTO stages (id, pipeline_id, name, slug) VALUES ('`+id(2)+`', '`+id(1)+`', 'S', 's');
		INSERT INTO deals (tenant_id, external_id, name, pipeline_id, stage_id) VALUES ($1, 'D', 'old', '`+id(1)+`', '`+id(2)+`')`)
	report := w.restore(t, document(`"deals": [{"external_id": "D", "name": "new", "pipeline_id": "`+id(50)+`", "stage_id": "`+id(51)+`"}]`))
	require.EqualValues(t, 1, report.Skipped["deals"])
	require.Equal(t, "old|"+id(1), w.one(t, `SELECT name, pipeline_id FROM deals WHERE tenant_id = $1`))
}

func TestUsersGoByTheirEmailAmongTheMembers(t *testing.T) {
	t.Parallel()
	w := newTown(t, "")
	ada := w.user(t, "Ada@acme.example", w.ours, w.theirs)
	outsider := w.user(t, "outsider@acme.example", w.theirs)
	task := func(n int, ext, user string) string {
		return `{"id": "` + id(n) + `", "external_id": "` + ext + `", "title": "t", "assignee_user_id": "` + user + `"}`
	}
	report := w.restore(t, document(
		`"tasks": [`+task(1, "by e-mail in another case", id(90))+`,`+task(2, "not a member", id(91))+`,`+task(3, "nobody", id(92))+`,`+
			task(4, "no user_refs", id(93))+`,`+task(5, "an outsider's own id", outsider.String())+`]`,
		`"user_refs": {"`+id(90)+`": "aDA@ACME.example", "`+id(91)+`": "outsider@acme.example", "`+id(92)+`": "nobody@acme.example"}`))
	require.Equal(t, []string{"an outsider's own id|∅", "by e-mail in another case|" + ada.String(), "no user_refs|∅", "nobody|∅", "not a member|∅"},
		w.query(t, `SELECT external_id, assignee_user_id FROM tasks WHERE tenant_id = $1 ORDER BY external_id COLLATE "C"`))
	require.EqualValues(t, 5, report.Created["tasks"])
	require.NotEmpty(t, about(report, "assignee_user_id"), "%q", report.Warnings)
}
