package dump_test

import (
	_ "embed"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/dump"
)

// nakatomi is a document as NakatomiCRM writes it, with every table of the CRM.
//
//go:embed testdata/nakatomi.json
var nakatomi string

var nakatomiRows = map[string]int64{
	"custom_field_definitions": 2, "pipelines": 2, "stages": 3, "contacts": 3, "companies": 2, "products": 1, "deals": 2, "deal_line_items": 1, "activities": 1,
	"notes": 2, "tasks": 1, "relationships": 1, "memory_links": 1, "files": 1, "webhooks": 1, "timeline_events": 1,
}

func TestADocumentOfNakatomiCRMWalksIn(t *testing.T) {
	t.Parallel()
	w := newTown(t, "")
	holly := w.user(t, "holly@nakatomi.example", w.ours)
	before := w.untouched(t, w.theirs)
	zero := none()
	for table := range nakatomiRows {
		zero[table] = 0
	}

	rehearsed := w.rehearse(t, nakatomi)
	require.Equal(t, "0", w.one(t, `SELECT count(*) FROM contacts`), "a dry run wrote")
	report := w.restore(t, nakatomi, verified)
	require.Equal(t, nakatomiRows, report.Created)
	require.Equal(t, zero, report.Updated)
	require.Equal(t, zero, report.Unchanged)
	require.Equal(t, zero, report.Skipped)
	for table, rows := range nakatomiRows {
		require.Equal(t, dump.Verified{Equal: rows}, report.Verified[table], table)
	}
	report.Verified = nil
	require.Equal(t, rehearsed, report)

	t.Run("nothing keeps its id, and every reference leads where it led", func(t *testing.T) { //nolint:paralleltest // one town
		for table := range nakatomiRows {
			if table != "timeline_events" {
				require.Equal(t, "0", w.one(t, `SELECT count(*) FROM `+table+` WHERE id::text ~ '^c[0-9a-f]000000-'`), table)
			}
		}
		require.Equal(t, []string{"Big Deal|sales|lead|ada-1|acme-co", "Old Deal|renewals|lead|hans-1|∅"}, w.query(t, `
			SELECT d.name, p.slug, s.slug, c.external_id, o.external_id FROM deals d
			JOIN pipelines p ON p.id = d.pipeline_id JOIN stages s ON s.id = d.stage_id AND s.pipeline_id = p.id
			LEFT JOIN contacts c ON c.id = d.primary_contact_id LEFT JOIN companies o ON o.id = d.company_id
			WHERE d.tenant_id = $1 AND p.tenant_id = $1 AND c.tenant_id = $1 ORDER BY 1`))
		require.Equal(t, []string{"a note on a note|kicked off", "kicked off|Big Deal"}, w.query(t, `
			SELECT n.body, coalesce(d.name, o.body) FROM notes n
			LEFT JOIN deals d ON d.id = n.entity_id AND n.entity_type = 'deal' LEFT JOIN notes o ON o.id = n.entity_id AND n.entity_type = 'note' ORDER BY 1`))
		require.Equal(t, "ada-1|acme-co|0.75", w.one(t, `
			SELECT c.external_id, o.external_id, r.strength FROM relationships r JOIN contacts c ON c.id = r.source_id JOIN companies o ON o.id = r.target_id`))
		require.Equal(t, "ada-1|mem_abc", w.one(t, `SELECT c.external_id, l.external_id FROM memory_links l JOIN contacts c ON c.id = l.crm_entity_id`))
		require.Equal(t, "ada-1|contact.created", w.one(t, `SELECT c.external_id, e.event_type FROM timeline_events e JOIN contacts c ON c.id = e.entity_id`))
		require.Equal(t, "Big Deal|Anvil|2.500|19.99", w.one(t, `
			SELECT d.name, p.name, i.quantity, i.unit_price FROM deal_line_items i JOIN deals d ON d.id = i.deal_id JOIN products p ON p.id = i.product_id`))
	})
	t.Run("values are what they were", func(t *testing.T) { //nolint:paralleltest // one town
		require.Equal(t, `9007199254740993.25|120|["key"]`, w.one(t, `SELECT annual_revenue, employee_count, tags FROM companies WHERE name = 'Acme'`))
		require.Equal(t, `{"score": 12345678901234567890.123, "linkedin": "https://linkedin.example/ada"}|["vip", "日本"]|t|t|t`, w.one(t, `
			SELECT data, tags, created_at = '2024-03-01T10:00:00.123456Z', updated_at = '2024-03-02T09:30:00Z', deleted_at IS NULL FROM contacts WHERE external_id = 'ada-1'`))
		require.Equal(t, "5000000000", w.one(t, `SELECT size_bytes FROM files`))
	})
	t.Run("users go by their e-mail among the members", func(t *testing.T) { //nolint:paralleltest // one town
		require.Equal(t, []string{"Big Deal|" + holly.String(), "Old Deal|∅"}, w.query(t, `SELECT name, owner_user_id FROM deals ORDER BY 1`))
		require.NotEmpty(t, about(report, "owner_user_id"), "%q", report.Warnings)
		require.Equal(t, holly.String(), w.one(t, `SELECT uploaded_by_user_id FROM files`))
	})
	t.Run("secrets, keys of objects and unknown columns", func(t *testing.T) { //nolint:paralleltest // one town
		require.Contains(t, report.Warnings, `webhook 'hook' imported without a secret — mint a new one via PATCH`)
		require.Equal(t, "f|t|f", w.one(t, `SELECT is_active, length(secret) > 20, secret LIKE '%redacted%' FROM webhooks`))
		require.Equal(t, "f", w.one(t, `SELECT storage_key LIKE '%secret%' FROM files`))
		require.NotEmpty(t, about(report, "actor_api_key_id"), "%q", report.Warnings)
	})
	t.Run("a second time changes nothing that has a key", func(t *testing.T) { //nolint:paralleltest // one town
		held := w.unwritten(t, w.ours)
		again := w.restore(t, nakatomi)
		created, unchanged := none(), none()
		for table, rows := range nakatomiRows {
			created[table], unchanged[table] = 0, rows
		}
		for _, keyless := range []string{"deal_line_items", "timeline_events"} {
			created[keyless], unchanged[keyless] = 1, 0
			require.Contains(t, again.Warnings, keyless+": 1 row has no natural key and was created: a further restore would create it again")
		}
		require.Equal(t, created, again.Created)
		require.Equal(t, zero, again.Updated)
		require.Equal(t, unchanged, again.Unchanged)
		now := w.unwritten(t, w.ours)
		for table := range held {
			if created[table] == 0 {
				require.Equal(t, held[table], now[table], table)
			}
		}
		require.Empty(t, about(again, "imported without a secret"), "%q", again.Warnings)
	})
	require.Equal(t, before, w.untouched(t, w.theirs))
}
