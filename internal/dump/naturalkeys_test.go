package dump_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// counts are created, updated, unchanged and skipped rows of one table.
type counts [4]int64

func TestRowsMeetByTheNaturalKeysOfTheirTable(t *testing.T) {
	t.Parallel()
	w := newTown(t, "")
	const pipeline = `WITH p AS (INSERT INTO pipelines (tenant_id, name, slug) VALUES ($1, 'Sales', 'sales') RETURNING id)
		INSERT INTO stages (pipeline_id, name, slug) SELECT id, 'old', 'lead' FROM p`
	sales := `"pipelines": [{"id": "` + id(1) + `", "name": "Sales", "slug": "sales", "stages": [{"id": "` + id(2) + `", "name": "new", "slug": "lead"}]}]`
	contact := `"contacts": [{"id": "` + id(3) + `", "external_id": "C"}]`
	company := `"companies": [{"id": "` + id(4) + `", "external_id": "O", "name": "Acme"}]`
	const both = `INSERT INTO contacts (tenant_id, external_id) VALUES ($1, 'C'); INSERT INTO companies (tenant_id, external_id, name) VALUES ($1, 'O', 'Acme')`
	for name, tc := range map[string]struct {
		table string
		fill  string
		doc   []string // members; rows go without ids where nothing names them
		want  counts
		query string
		rows  []string
	}{
		"contacts by external_id": {
			table: "contacts",
			fill:  `INSERT INTO contacts (tenant_id, external_id, email, title) VALUES ($1, 'A', 'a@x', 'old'), ($1, 'B', 'b@x', 'old')`,
			doc:   []string{`"contacts": [{"external_id": "A", "email": "new@x", "title": "new"}, {"external_id": "N", "email": "n@x"}]`},
			want:  counts{1, 1, 0, 0},
			query: `SELECT external_id, email, title FROM contacts WHERE tenant_id = $1 ORDER BY 1`, rows: []string{"A|new@x|new", "B|b@x|old", "N|n@x|∅"},
		},
		"contacts else by lower(email), where the document has no external_id": {
			table: "contacts",
			fill:  `INSERT INTO contacts (tenant_id, external_id, email, title) VALUES ($1, 'A', 'A@x', 'old')`,
			doc:   []string{`"contacts": [{"external_id": null, "email": "a@X", "title": "new"}]`},
			want:  counts{0, 1, 0, 0},
			query: `SELECT email, title FROM contacts WHERE tenant_id = $1`, rows: []string{"a@X|new"},
		},
		"contacts else by lower(email), where the tenant's row has no external_id": {
			table: "contacts",
			fill:  `INSERT INTO contacts (tenant_id, email, title) VALUES ($1, 'A@x', 'old')`,
			doc:   []string{`"contacts": [{"external_id": "A", "email": "a@X", "title": "new"}]`},
			want:  counts{0, 1, 0, 0},
			query: `SELECT external_id, email, title FROM contacts WHERE tenant_id = $1`, rows: []string{"A|a@X|new"},
		},
		"contacts of two external_ids are two, though they share an address": {
			table: "contacts",
			fill:  `INSERT INTO contacts (tenant_id, external_id, email, title) VALUES ($1, 'A', 'a@x', 'old')`,
			doc:   []string{`"contacts": [{"external_id": "B", "email": "a@x", "title": "new"}]`},
			want:  counts{1, 0, 0, 0},
			query: `SELECT external_id, title FROM contacts WHERE tenant_id = $1 ORDER BY 1`, rows: []string{"A|old", "B|new"},
		},
		"companies by external_id": {
			table: "companies",
			fill:  `INSERT INTO companies (tenant_id, external_id, name, domain) VALUES ($1, 'A', 'old', 'a.x')`,
			doc:   []string{`"companies": [{"external_id": "A", "name": "new"}]`},
			want:  counts{0, 1, 0, 0},
			query: `SELECT name, domain FROM companies WHERE tenant_id = $1`, rows: []string{"new|a.x"},
		},
		"companies else by lower(domain)": {
			table: "companies",
			fill:  `INSERT INTO companies (tenant_id, name, domain) VALUES ($1, 'old', 'A.x')`,
			doc:   []string{`"companies": [{"name": "new", "domain": "a.X"}]`},
			want:  counts{0, 1, 0, 0},
			query: `SELECT name, domain FROM companies WHERE tenant_id = $1`, rows: []string{"new|a.X"},
		},
		"deals by external_id, else they are created": {
			table: "deals",
			fill: pipeline + `; INSERT INTO deals (tenant_id, external_id, name, pipeline_id, stage_id)
				SELECT $1, unnest(ARRAY['A', NULL]), 'old', p.id, s.id FROM pipelines p JOIN stages s ON s.pipeline_id = p.id WHERE p.tenant_id = $1`,
			doc: []string{sales, `"deals": [
				{"id": "` + id(5) + `", "external_id": "A", "name": "new", "pipeline_id": "` + id(1) + `", "stage_id": "` + id(2) + `"},
				{"id": "` + id(6) + `", "external_id": null, "name": "old", "pipeline_id": "` + id(1) + `", "stage_id": "` + id(2) + `"}]`},
			want:  counts{1, 1, 0, 0},
			query: `SELECT external_id, name FROM deals WHERE tenant_id = $1 ORDER BY 1, 2`, rows: []string{"A|new", "∅|old", "∅|old"},
		},
		"activities by external_id only": {
			table: "activities",
			fill:  `INSERT INTO activities (tenant_id, external_id, kind, subject) VALUES ($1, 'A', 'call', 'old'), ($1, NULL, 'call', 'same')`,
			doc: []string{`"activities": [{"id": "` + id(5) + `", "external_id": "A", "kind": "call", "subject": "new"},
				{"id": "` + id(6) + `", "external_id": null, "kind": "call", "subject": "same"}]`},
			want:  counts{1, 1, 0, 0},
			query: `SELECT external_id, subject FROM activities WHERE tenant_id = $1 ORDER BY 1`, rows: []string{"A|new", "∅|same", "∅|same"},
		},
		"tasks by external_id only": {
			table: "tasks",
			fill:  `INSERT INTO tasks (tenant_id, external_id, title) VALUES ($1, 'A', 'old'), ($1, NULL, 'same')`,
			doc: []string{`"tasks": [{"id": "` + id(5) + `", "external_id": "A", "title": "new"},
				{"id": "` + id(6) + `", "external_id": null, "title": "same"}]`},
			want:  counts{1, 1, 0, 0},
			query: `SELECT external_id, title FROM tasks WHERE tenant_id = $1 ORDER BY 1`, rows: []string{"A|new", "∅|same", "∅|same"},
		},
		"notes by what they are about and their exact text, else they are created": {
			table: "notes",
			fill: both + `; INSERT INTO notes (tenant_id, entity_type, entity_id, body, data) SELECT $1, 'contact', id, 'Hello', '{"old": 1}' FROM contacts WHERE tenant_id = $1;
				INSERT INTO notes (tenant_id, entity_type, entity_id, body) SELECT $1, 'company', id, 'Hello' FROM companies WHERE tenant_id = $1`,
			doc: []string{contact, `"notes": [{"entity_type": "contact", "entity_id": "` + id(3) + `", "body": "Hello", "data": {"new": 1}},
				{"entity_type": "contact", "entity_id": "` + id(3) + `", "body": "hello"}]`},
			want:  counts{1, 1, 0, 0},
			query: `SELECT entity_type, body, data FROM notes WHERE tenant_id = $1 ORDER BY entity_type, body COLLATE "C"`, rows: []string{"company|Hello|{}", `contact|Hello|{"new": 1}`, "contact|hello|{}"},
		},
		"relationships by both ends and their kind": {
			table: "relationships",
			fill: both + `; INSERT INTO relationships (tenant_id, source_type, source_id, target_type, target_id, relation_type, strength)
				SELECT $1, 'contact', c.id, 'company', o.id, 'works_at', 0.1 FROM contacts c, companies o WHERE c.tenant_id = $1 AND o.tenant_id = $1`,
			doc: []string{contact, company, `"relationships": [
				{"source_type": "contact", "source_id": "` + id(3) + `", "target_type": "company", "target_id": "` + id(4) + `", "relation_type": "works_at", "strength": 0.9},
				{"source_type": "contact", "source_id": "` + id(3) + `", "target_type": "company", "target_id": "` + id(4) + `", "relation_type": "owns", "strength": 0.9},
				{"source_type": "company", "source_id": "` + id(4) + `", "target_type": "contact", "target_id": "` + id(3) + `", "relation_type": "works_at", "strength": 0.9}]`},
			want:  counts{2, 1, 0, 0},
			query: `SELECT source_type, relation_type, strength FROM relationships WHERE tenant_id = $1 ORDER BY 1, 2`, rows: []string{"company|works_at|0.90", "contact|owns|0.90", "contact|works_at|0.90"},
		},
		"pipelines by slug": {
			table: "pipelines", fill: pipeline,
			doc:   []string{`"pipelines": [{"slug": "sales", "name": "new"}, {"slug": "Sales", "name": "other"}]`},
			want:  counts{1, 1, 0, 0},
			query: `SELECT slug, name FROM pipelines WHERE tenant_id = $1 ORDER BY slug COLLATE "C"`, rows: []string{"Sales|other", "sales|new"},
		},
		"stages by their pipeline and slug": {
			table: "stages",
			fill: pipeline + `; WITH p AS (INSERT INTO pipelines (tenant_id, name, slug) VALUES ($1, 'Other', 'other') RETURNING id)
				INSERT INTO stages (pipeline_id, name, slug) SELECT id, 'other', 'lead' FROM p`,
			doc:   []string{sales},
			want:  counts{0, 1, 0, 0},
			query: `SELECT p.slug, s.slug, s.name FROM stages s JOIN pipelines p ON p.id = s.pipeline_id WHERE p.tenant_id = $1 ORDER BY 1`, rows: []string{"other|lead|other", "sales|lead|new"},
		},
		"custom_field_definitions by entity_type and name": {
			table: "custom_field_definitions",
			fill:  `INSERT INTO custom_field_definitions (tenant_id, entity_type, name, label, field_type) VALUES ($1, 'contact', 'n', 'old', 'text'), ($1, 'deal', 'n', 'old', 'text')`,
			doc:   []string{`"custom_field_definitions": [{"entity_type": "contact", "name": "n", "label": "new", "field_type": "text"}]`},
			want:  counts{0, 1, 0, 0},
			query: `SELECT entity_type, label FROM custom_field_definitions WHERE tenant_id = $1 ORDER BY 1`, rows: []string{"contact|new", "deal|old"},
		},
		"webhooks by url": {
			table: "webhooks",
			fill:  `INSERT INTO webhooks (tenant_id, name, url, secret) VALUES ($1, 'old', 'https://x.example/a', 's1'), ($1, 'old', 'https://x.example/b', 's2')`,
			doc:   []string{`"webhooks": [{"name": "new", "url": "https://x.example/b", "secret": "[redacted on export]", "is_active": true}]`},
			want:  counts{0, 1, 0, 0},
			query: `SELECT name, secret, is_active FROM webhooks WHERE tenant_id = $1 ORDER BY url`, rows: []string{"old|s1|t", "new|s2|t"},
		},
		"memory_links by the full tuple": {
			table: "memory_links",
			fill:  both + `; INSERT INTO memory_links (tenant_id, connector, external_id, crm_entity_type, crm_entity_id, note) SELECT $1, 'k', 'm', 'contact', id, 'old' FROM contacts WHERE tenant_id = $1`,
			doc: []string{contact, company, `"memory_links": [
				{"connector": "k", "external_id": "m", "crm_entity_type": "contact", "crm_entity_id": "` + id(3) + `", "note": "new"},
				{"connector": "k", "external_id": "m", "crm_entity_type": "company", "crm_entity_id": "` + id(4) + `", "note": "new"}]`},
			want:  counts{1, 1, 0, 0},
			query: `SELECT crm_entity_type, note FROM memory_links WHERE tenant_id = $1 ORDER BY 1`, rows: []string{"company|new", "contact|new"},
		},
		"files by sha256": {
			table: "files",
			fill:  `INSERT INTO files (tenant_id, filename, sha256, storage_key) VALUES ($1, 'old', 'aa', 'ours/1'), ($1, 'old', 'bb', 'ours/2')`,
			doc:   []string{`"files": [{"filename": "new", "sha256": "bb", "storage_key": "elsewhere/2"}]`},
			want:  counts{0, 1, 0, 0},
			query: `SELECT filename, sha256, storage_key FROM files WHERE tenant_id = $1 ORDER BY 2`, rows: []string{"old|aa|ours/1", "new|bb|ours/2"},
		},
		"a row that is the same is unchanged": {
			table: "companies",
			fill:  `INSERT INTO companies (tenant_id, external_id, name, annual_revenue, tags) VALUES ($1, 'A', 'same', 10, '["a", "b"]')`,
			doc:   []string{`"companies": [{"external_id": "A", "name": "same", "annual_revenue": 10.000, "tags": ["a",   "b"]}]`},
			want:  counts{0, 0, 1, 0},
			query: `SELECT name FROM companies WHERE tenant_id = $1`, rows: []string{"same"},
		},
		"equal notes are taken in pairs, and what is over is created": {
			table: "notes",
			fill:  both + `; INSERT INTO notes (tenant_id, entity_type, entity_id, body) SELECT $1, 'contact', id, 'twice' FROM contacts, generate_series(1, 2) WHERE tenant_id = $1`,
			doc:   []string{contact, `"notes": [` + strings.Repeat(`{"entity_type": "contact", "entity_id": "`+id(3)+`", "body": "twice"},`, 2) + `{"entity_type": "contact", "entity_id": "` + id(3) + `", "body": "twice"}]`},
			want:  counts{1, 0, 2, 0},
			query: `SELECT count(*) FROM notes WHERE tenant_id = $1`, rows: []string{"3"},
		},
		"of equal notes those that hold the same are taken first": {
			table: "notes",
			fill: both + `; INSERT INTO notes (tenant_id, entity_type, entity_id, body, data)
				SELECT $1, 'contact', id, 'thrice', to_jsonb(n) FROM contacts, generate_series(1, 3) n WHERE tenant_id = $1`,
			doc: []string{contact, `"notes": [{"entity_type": "contact", "entity_id": "` + id(3) + `", "body": "thrice", "data": 0},
				{"entity_type": "contact", "entity_id": "` + id(3) + `", "body": "thrice", "data": 1}, {"entity_type": "contact", "entity_id": "` + id(3) + `", "body": "thrice", "data": 3}]`},
			want:  counts{0, 1, 2, 0},
			query: `SELECT data FROM notes WHERE tenant_id = $1 ORDER BY 1`, rows: []string{"0", "1", "3"},
		},
		"contacts of one address are taken in pairs": {
			table: "contacts",
			fill:  `INSERT INTO contacts (id, tenant_id, email, title) VALUES ('` + id(91) + `', $1, 'a@x', 'one'), ('` + id(92) + `', $1, 'A@x', 'two')`,
			doc:   []string{`"contacts": [{"email": "a@x", "title": "new"}, {"email": "a@x", "title": "new"}]`},
			want:  counts{0, 2, 0, 0},
			query: `SELECT email, title FROM contacts WHERE tenant_id = $1`, rows: []string{"a@x|new", "a@x|new"},
		},
		"a row that another key has taken is not taken again": {
			table: "contacts",
			fill:  `INSERT INTO contacts (tenant_id, external_id, email, title) VALUES ($1, 'A', 'a@x', 'with'), ($1, NULL, 'a@x', 'without')`,
			doc:   []string{`"contacts": [{"external_id": null, "email": "a@x", "title": "without"}, {"external_id": "A", "email": "a@x", "title": "with"}]`},
			want:  counts{0, 0, 2, 0},
			query: `SELECT external_id, title FROM contacts WHERE tenant_id = $1 ORDER BY 1`, rows: []string{"A|with", "∅|without"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := w.anew(t)
			w.fill(t, tc.fill)
			doc := document(tc.doc...)
			report := w.restore(t, doc)
			require.Equal(t, tc.want, countsOf(report.Created, report.Updated, report.Unchanged, report.Skipped, tc.table), "%q", report.Warnings)
			require.Equal(t, tc.rows, w.query(t, tc.query))
		})
	}
}

func countsOf(created, updated, unchanged, skipped map[string]int64, table string) counts {
	return counts{created[table], updated[table], unchanged[table], skipped[table]}
}

func TestKeysThatGoRoundInACircle(t *testing.T) {
	t.Parallel()
	w := newTown(t, "")
	note := func(n, about int, body string) string {
		return `{"id": "` + id(n) + `", "entity_type": "note", "entity_id": "` + id(about) + `", "body": "` + body + `"}`
	}
	t.Run("a row that names itself is found, and what names that", func(t *testing.T) {
		t.Parallel()
		w := w.anew(t)
		doc := document(`"notes": [` + strings.Join([]string{note(1, 1, "on itself"), note(2, 1, "on that"), note(3, 3, "on itself"), note(4, 3, "on the other")}, ",") + `]`)
		require.EqualValues(t, 4, w.restore(t, doc).Created["notes"])
		held := w.unwritten(t, w.ours)
		again := w.restore(t, doc)
		require.Equal(t, counts{0, 0, 4, 0}, countsOf(again.Created, again.Updated, again.Unchanged, again.Skipped, "notes"))
		require.Equal(t, held, w.unwritten(t, w.ours))
	})
	t.Run("a circle of this very tenant is found", func(t *testing.T) {
		t.Parallel()
		w := w.anew(t)
		w.restore(t, document(`"notes": [`+note(1, 2, "on the second")+`,`+note(2, 1, "on the first")+`,`+note(3, 1, "beside")+`]`))
		ids := w.query(t, `SELECT id FROM notes WHERE tenant_id = $1 ORDER BY body`) // beside, on the first, on the second
		home := documentOf(w.ours, `"notes": `+w.one(t, `SELECT json_agg(n) FROM notes n WHERE tenant_id = $1`))
		again := w.restore(t, home)
		require.Equal(t, counts{0, 0, 3, 0}, countsOf(again.Created, again.Updated, again.Unchanged, again.Skipped, "notes"))
		require.Equal(t, ids, w.query(t, `SELECT id FROM notes WHERE tenant_id = $1 ORDER BY body`))
	})
}

func TestLiveRowsMeetLiveOnesAndDeletedMeetDeleted(t *testing.T) {
	t.Parallel()
	w := newTown(t, "")
	const when = `"2024-05-01T00:00:00Z"`
	for name, tc := range map[string]struct {
		fill, doc string
		want      counts
		rows      []string // external_id, title, deleted
	}{
		"a live row does not resurrect a deleted one": {
			fill: `('A', 'old', '2024-05-01Z')`, doc: `{"external_id": "A", "title": "new", "deleted_at": null}`,
			want: counts{1, 0, 0, 0}, rows: []string{"A|new|f", "A|old|t"},
		},
		"nor does one that says nothing of its deletion": {
			fill: `('A', 'old', '2024-05-01Z')`, doc: `{"external_id": "A", "title": "new"}`,
			want: counts{1, 0, 0, 0}, rows: []string{"A|new|f", "A|old|t"},
		},
		"a deleted row does not hide a live one": {
			fill: `('A', 'old', NULL)`, doc: `{"external_id": "A", "title": "new", "deleted_at": ` + when + `}`,
			want: counts{1, 0, 0, 0}, rows: []string{"A|new|t", "A|old|f"},
		},
		"deleted rows meet": {
			fill: `('A', 'old', '2024-05-01Z'), ('A', 'live', NULL)`, doc: `{"external_id": "A", "title": "new", "deleted_at": ` + when + `}`,
			want: counts{0, 1, 0, 0}, rows: []string{"A|live|f", "A|new|t"},
		},
		"deleted rows of one key are taken in pairs": {
			fill: `('A', 'same', '2024-05-01Z'), ('A', 'same', '2024-05-01Z')`,
			doc: `{"external_id": "A", "title": "same", "deleted_at": ` + when + `}, {"external_id": "A", "title": "same", "deleted_at": ` + when + `},
				{"external_id": "A", "title": "same", "deleted_at": ` + when + `}`,
			want: counts{1, 0, 2, 0}, rows: []string{"A|same|t", "A|same|t", "A|same|t"},
		},
		"a row keeps the moment of its deletion": {
			fill: `('B', 'b', NULL)`, doc: `{"external_id": "A", "title": "new", "deleted_at": "2024-05-01T02:00:00.123456+02:00"}`,
			want: counts{1, 0, 0, 0}, rows: []string{"A|new|t", "B|b|f"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := w.anew(t)
			w.fill(t, `INSERT INTO contacts (tenant_id, external_id, title, deleted_at) SELECT $1, v.* FROM (VALUES (NULL, NULL, now()), `+tc.fill+`) v LIMIT ALL OFFSET 1`)
			report := w.restore(t, document(`"contacts": [`+tc.doc+`]`))
			require.Equal(t, tc.want, countsOf(report.Created, report.Updated, report.Unchanged, report.Skipped, "contacts"))
			require.Equal(t, tc.rows, w.query(t, `SELECT external_id, title, deleted_at IS NOT NULL FROM contacts WHERE tenant_id = $1 ORDER BY 1, 2, 3`))
		})
	}
}

func TestColumnsThatTheDocumentDoesNotGiveAreLeftAlone(t *testing.T) {
	t.Parallel()
	w := newTown(t, "")
	w.fill(t, `INSERT INTO companies (tenant_id, external_id, name, domain, industry, updated_at) VALUES
		($1, 'A', 'a', 'a.x', 'steel', '2020-01-01Z'), ($1, 'B', 'b', 'b.x', 'glass', '2020-01-01Z')`)
	report := w.restore(t, document(`"companies": [
		{"external_id": "A", "name": "new", "industry": null},
		{"external_id": "B", "name": "b"},
		{"external_id": "C", "name": "c", "domain": "c.x"}]`))
	require.Equal(t, counts{1, 1, 1, 0}, countsOf(report.Created, report.Updated, report.Unchanged, report.Skipped, "companies"))
	require.Equal(t, []string{"A|new|a.x|∅", "B|b|b.x|glass", "C|c|c.x|∅"},
		w.query(t, `SELECT external_id, name, domain, industry FROM companies WHERE tenant_id = $1 ORDER BY 1`))
	require.Equal(t, "[]|{}|t", w.one(t, `SELECT tags, data, created_at > now() - interval '1 hour' FROM companies WHERE external_id = 'C'`),
		"a created row has the table's defaults")
}
