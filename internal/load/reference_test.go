package load_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"wharf/internal/load"
)

const crmRows = `
INSERT INTO companies (id, tenant_id, external_id, name, domain) VALUES
	('10000000-0000-4000-8000-000000000001', $1, 'acme', 'Acme', 'Acme.example'),
	('10000000-0000-4000-8000-000000000002', $1, 'twin 1', 'Twin', 'twin.example'),
	('10000000-0000-4000-8000-000000000003', $1, 'twin 2', 'Twin', 'TWIN.example'),
	('10000000-0000-4000-8000-000000000005', $2, 'foreign', 'Foreign', 'foreign.example');
INSERT INTO companies (id, tenant_id, external_id, name, deleted_at) VALUES
	('10000000-0000-4000-8000-000000000004', $1, 'gone', 'Gone', now());
INSERT INTO pipelines (id, tenant_id, name, slug) VALUES
	('20000000-0000-4000-8000-000000000001', $1, 'Sales', 'sales'), ('20000000-0000-4000-8000-000000000002', $1, 'Partners', 'partners'),
	('20000000-0000-4000-8000-000000000003', $2, 'Sales', 'foreign');
INSERT INTO stages (id, pipeline_id, name, slug) VALUES
	('30000000-0000-4000-8000-000000000001', '20000000-0000-4000-8000-000000000001', 'New', 'new'),
	('30000000-0000-4000-8000-000000000002', '20000000-0000-4000-8000-000000000002', 'New', 'new'),
	('30000000-0000-4000-8000-000000000003', '20000000-0000-4000-8000-000000000002', 'Signed', 'signed'),
	('30000000-0000-4000-8000-000000000004', '20000000-0000-4000-8000-000000000003', 'Hidden', 'hidden');
INSERT INTO contacts (id, tenant_id, external_id, email) VALUES ('40000000-0000-4000-8000-000000000001', $1, 'jo', 'jo@x'),
	('40000000-0000-4000-8000-000000000002', $2, 'foreign', 'f@x');`

// Ids of crmRows are fixed, so each test that needs them has a database of its own.
func crm(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, "")
	w.seed(t, crmRows)
	return w
}

func TestReferencesGoByIDOrNaturalKey(t *testing.T) {
	t.Parallel()
	w := crm(t)
	got := w.merge(t, w.spec(t, "contacts", "external_id company_id"), rows(
		"1 | 10000000-0000-4000-8000-000000000001",
		"2 | 1000000000004000800000000000000A",
		"3 | acme",
		"4 | ACME.EXAMPLE",
		"5 | twin.example",
		"6 | nobody",
		"7 | gone",
		"8 | 10000000-0000-4000-8000-000000000004",
		"9 |",
	))
	require.Equal(t, []string{
		"3 company_id: Company names no row of Companies (1000000000004000800000000000000A)",
		"6 company_id: Company names several rows of Companies (twin.example)",
		"7 company_id: Company names no row of Companies (nobody)",
		"8 company_id: Company names no row of Companies (gone)",
	}, got.messages())
	require.Equal(t, load.Counts{Created: 5, Skipped: 4, Errors: 4}, got.Counts)
	require.Equal(t, []string{"1|acme", "3|acme", "4|acme", "8|gone", "9|∅", "jo|∅"}, w.query(t, `
		SELECT c.external_id, o.external_id FROM contacts c LEFT JOIN companies o ON o.id = c.company_id WHERE c.tenant_id = $1 ORDER BY 1`))
}

func TestAnotherTenantsRowIsNoReference(t *testing.T) {
	t.Parallel()
	w := crm(t)
	absent := uuid.NewString()
	got := w.merge(t, w.spec(t, "contacts", "external_id company_id"), rows(
		"1 | 10000000-0000-4000-8000-000000000005", "2 | foreign", "3 | foreign.example", "4 | "+absent))
	require.Equal(t, []string{
		"2 company_id: Company names no row of Companies (10000000-0000-4000-8000-000000000005)",
		"3 company_id: Company names no row of Companies (foreign)",
		"4 company_id: Company names no row of Companies (foreign.example)",
		"5 company_id: Company names no row of Companies (" + absent + ")",
	}, got.messages())

	got = w.merge(t, w.spec(t, "stages", "pipeline_id slug name"), rows("20000000-0000-4000-8000-000000000003 | x | X", "foreign | y | Y"))
	require.Equal(t, load.Counts{Skipped: 2, Errors: 2}, got.Counts)
	require.Equal(t, "1", w.one(t, `SELECT count(*) FROM stages WHERE pipeline_id = '20000000-0000-4000-8000-000000000003'`))

	got = w.merge(t, w.spec(t, "notes", "entity_type entity_id body"), rows("contact | 40000000-0000-4000-8000-000000000002 | x", "contact | foreign | y"))
	require.Equal(t, load.Counts{Skipped: 2, Errors: 2}, got.Counts)
	require.Equal(t, "0", w.one(t, `SELECT count(*) FROM notes`))
}

func TestAKeyMayHoldAReference(t *testing.T) {
	t.Parallel()
	w := crm(t)
	spec := w.spec(t, "stages", "slug pipeline_id name")
	got := w.merge(t, spec, rows("new | sales | First", "new | partners | New", "lost | sales | Lost", "new | 20000000-0000-4000-8000-000000000001 | Again"))
	require.Equal(t, []string{"5 slug: the same Pipeline Id and Slug as row 2 (new)"}, got.messages())
	require.Equal(t, load.Counts{Created: 1, Updated: 1, Unchanged: 1, Skipped: 1, Errors: 1}, got.Counts)
	require.Equal(t, []string{"partners|new|New", "partners|signed|Signed", "sales|lost|Lost", "sales|new|First"}, w.query(t, `
		SELECT p.slug, s.slug, s.name FROM stages s JOIN pipelines p ON p.id = s.pipeline_id WHERE p.tenant_id = $1 ORDER BY 1, 2`))
}

func TestAReferenceIsNarrowedByTheRowsOther(t *testing.T) {
	t.Parallel()
	w := crm(t)
	for _, columns := range []string{"external_id name stage_id pipeline_id", "external_id name pipeline_id stage_id"} {
		spec := w.spec(t, "deals", columns)
		file := rows("1 | a | new | sales", "2 | b | new | partners", "3 | c | signed | sales", "4 | d | signed | partners", "5 | e | hidden | foreign")
		if spec.Columns[2].Name == "pipeline_id" {
			for _, row := range file {
				row[2], row[3] = row[3], row[2]
			}
		}
		got := w.merge(t, spec, file)
		require.ElementsMatch(t, []string{
			"4 stage_id: Stage Id names no row of Stages (signed)",
			"6 stage_id: Stage Id names no row of Stages (hidden)",
			"6 pipeline_id: Pipeline Id names no row of Pipelines (foreign)",
		}, got.messages())
		require.Equal(t, []string{"1|sales|sales", "2|partners|partners", "4|partners|partners"}, w.query(t, `
			SELECT d.external_id, p.slug, q.slug FROM deals d JOIN pipelines p ON p.id = d.pipeline_id
			JOIN stages s ON s.id = d.stage_id JOIN pipelines q ON q.id = s.pipeline_id ORDER BY 1`))
	}
	got := w.merge(t, w.spec(t, "deals", "external_id stage_id"), rows("1 | signed", "2 | new"))
	require.Equal(t, []string{"3 stage_id: Stage Id names several rows of Stages (new)"}, got.messages())
}

func TestPolymorphicReferencesGoByKind(t *testing.T) {
	t.Parallel()
	w := crm(t)
	got := w.merge(t, w.spec(t, "activities", "external_id kind entity_type entity_id"), rows(
		"1 | call | contact | jo",
		"2 | call | company | acme",
		"3 | call | contact | acme",
		"4 | call | contact | 40000000-0000-4000-8000-000000000001",
		"5 | call | company | 40000000-0000-4000-8000-000000000001",
		"6 | call | | jo",
		"7 | call | contact |",
		"8 | call | planet | jo",
		"9 | call | |",
	))
	require.Equal(t, []string{
		"4 entity_id: Entity Id names no row of Contacts (acme)",
		"6 entity_id: Entity Id names no row of Companies (40000000-0000-4000-8000-000000000001)",
		"7 entity_type: Entity Type is required beside Entity Id ()",
		"8 entity_id: Entity Id is required beside Entity Type ()",
		"9 entity_type: Entity Type must be one of contact, company, deal, activity, note, task, file, product (planet)",
	}, got.messages())
	require.Equal(t, []string{
		"1|contact|40000000-0000-4000-8000-000000000001", "2|company|10000000-0000-4000-8000-000000000001",
		"4|contact|40000000-0000-4000-8000-000000000001", "9|∅|∅",
	},
		w.query(t, `SELECT external_id, entity_type, entity_id FROM activities ORDER BY 1`))
}

func TestAReferenceMayNameARowOfTheSameFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.seed(t, `INSERT INTO inventory (tenant_id, sku, name, category) VALUES ($1, 'old', 'Old', 'set'), ($1, 'part', 'Part', 'ring')`)
	spec := w.spec(t, "inventory", "sku name category parent_id weight_grams")
	const parents = `SELECT i.sku, p.sku FROM inventory i LEFT JOIN inventory p ON p.id = i.parent_id WHERE i.tenant_id = $1 ORDER BY 1`

	got := w.merge(t, spec, rows(
		"child | Child | ring | set |", // its set comes later
		"set | Set | set | old |",
		"part | Part | ring | set |", // is there, its set is not
		"self | Self | set | self |",
		"lost | Lost | ring | nothing |",
	))
	require.Equal(t, []string{"6 parent_id: Part Of names no row of Inventory (nothing)"}, got.messages())
	require.Equal(t, load.Counts{Created: 3, Updated: 1, Skipped: 1, Errors: 1}, got.Counts)
	require.Equal(t, []string{"child|set", "old|∅", "part|set", "self|self", "set|old"}, w.query(t, parents))

	t.Run("and is found again", func(t *testing.T) { //nolint:paralleltest // goes on from what was written
		got := w.merge(t, spec, rows("child | Child | ring | set |", "set | Set | set | old |", "part | Part | ring | set |", "self | Self | set | self |"))
		require.Equal(t, load.Counts{Unchanged: 4}, got.Counts)
	})
	t.Run("which cannot be written", func(t *testing.T) { //nolint:paralleltest // goes on from what was written
		got := w.merge(t, spec, rows("e | E | ring | f |", "f | F | ring | g |", "g | | ring | |", "part | Part | ring | g |", "h | H | ring | part |"))
		require.Equal(t, []string{
			"2 parent_id: Part Of names row 3, which cannot be written (f)",
			"3 parent_id: Part Of names row 4, which cannot be written (g)",
			"4 name: Name is required ()",
			"5 parent_id: Part Of names row 4, which cannot be written (g)",
		}, got.messages())
		require.Equal(t, load.Counts{Created: 1, Skipped: 4, Errors: 4}, got.Counts)
	})
}
