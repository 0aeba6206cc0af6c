package exporter

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// subjectOf gives the rows of a record of the sample product by table, found as an export finds them.
func (h *house) subjectOf(t *testing.T, table string, id uuid.UUID) map[string][]string {
	t.Helper()
	ctx := context.Background()
	tx, err := h.service.cfg.Pool.BeginTx(ctx, snapshotMode)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(ctx) }()
	require.NoError(t, h.service.cfg.DB.Enter(ctx, tx, h.mine))
	snap, err := h.service.cfg.Catalog(ctx, tx)
	require.NoError(t, err)
	all, err := subject(ctx, tx, snap, h.mine, table, id.String())
	require.NoError(t, err)
	found := map[string][]string{}
	for _, r := range all {
		rows, err := tx.Query(ctx, "SELECT x::text FROM "+r.Table.Ident()+" x WHERE "+r.Where, r.Args...)
		require.NoError(t, err)
		found[r.Table.Name], err = pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		slices.Sort(found[r.Table.Name])
	}
	return found
}

// list gives the first column of a query.
func list[T any](t *testing.T, h *house, sql string, args ...any) []T {
	t.Helper()
	rows, err := h.admin.Query(context.Background(), sql, args...)
	require.NoError(t, err)
	all, err := pgx.CollectRows(rows, pgx.RowTo[T])
	require.NoError(t, err)
	return all
}

// storeRows says by hand what belongs to the customer $1 of the jewellery store.
var storeRows = map[string]string{
	"customers":    `x.id = $1`,
	"Gift Cards":   `x."customerId" = $1`,
	"appointments": `x.customer_id = $1`, "appraisals": `x.customer_id = $1`, "bespoke_jobs": `x.customer_id = $1`,
	"campaign_recipients": `x.customer_id = $1`, "communications": `x.customer_id = $1`, "loyalty_points": `x.customer_id = $1`,
	"memos": `x.customer_id = $1`, "passports": `x.customer_id = $1`, "quotes": `x.customer_id = $1`, "repairs": `x.customer_id = $1`,
	"vouchers": `x.customer_id = $1`, "wishlists": `x.customer_id = $1`,
	"bespoke_job_milestones": `x.bespoke_job_id IN (SELECT id FROM bespoke_jobs WHERE customer_id = $1)`,
	"memo_items":             `x.memo_id IN (SELECT id FROM memos WHERE customer_id = $1)`,
	"quote_items":            `x.quote_id IN (SELECT id FROM quotes WHERE customer_id = $1)`,
	"repair_stages":          `x.repair_id IN (SELECT id FROM repairs WHERE customer_id = $1)`,
	"sales":                  `x.id IN (` + hisSales + `)`,
	"invoices":               `x.id IN (` + hisInvoices + `)`,
	"sale_items":             `x.sale_id IN (` + hisSales + `)`,
	"refunds":                `x.sale_id IN (` + hisSales + `)`,
	"invoice_items":          `x.invoice_id IN (` + hisInvoices + `)`,
	"payments":               `x.sale_id IN (` + hisSales + `) OR x.invoice_id IN (` + hisInvoices + `)`,
	"voucher_redemptions":    `x.sale_id IN (` + hisSales + `) OR x.voucher_id IN (SELECT id FROM vouchers WHERE customer_id = $1)`,
}

// A sale or invoice that names no customer is that of the other, if there is one.
const (
	hisSales = `SELECT s.id FROM sales s LEFT JOIN invoices i ON i.id = s.invoice_id LEFT JOIN sales s2 ON s2.id = i.sale_id
		WHERE coalesce(s.customer_id, i.customer_id, s2.customer_id) = $1`
	hisInvoices = `SELECT i.id FROM invoices i LEFT JOIN sales s ON s.id = i.sale_id LEFT JOIN sales b ON b.invoice_id = i.id AND i.customer_id IS NULL
		WHERE coalesce(i.customer_id, s.customer_id, b.customer_id) = $1 OR i.customer_id IS NULL AND b.customer_id = $1`
)

func TestAllOfACustomerAndNothingElse(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	customers := list[uuid.UUID](t, h, `SELECT c.id FROM customers c JOIN sales s ON s.customer_id = c.id WHERE c.tenant_id = $1
		GROUP BY c.id ORDER BY count(DISTINCT s.id) DESC, c.id LIMIT 5`, h.mine)
	// What is the first one's: an invoice without a name on it. What is not: the second one's, for a sale of the first.
	_, err := h.admin.Exec(ctx, `INSERT INTO invoices (tenant_id, number, customer_id, sale_id, issued_on)
		(SELECT tenant_id, 'planted 1', NULL::uuid, id, '2026-05-01'::date FROM sales WHERE customer_id = $1 LIMIT 1) UNION ALL
		(SELECT tenant_id, 'planted 2', $2, id, '2026-05-01' FROM sales WHERE customer_id = $1 LIMIT 1)`, customers[0], customers[1])
	require.NoError(t, err)
	_, err = h.admin.Exec(ctx, `UPDATE customers SET deleted_at = now() WHERE id = $1`, customers[0])
	require.NoError(t, err)
	tables := map[string]bool{}
	for _, id := range customers {
		want := map[string][]string{}
		for table, condition := range storeRows {
			rows := list[string](t, h, `SELECT x::text FROM `+pgx.Identifier{table}.Sanitize()+` x WHERE x.tenant_id = $2 AND (`+condition+`)`, id, h.mine)
			if slices.Sort(rows); len(rows) > 0 {
				want[table] = rows
				tables[table] = true
			}
		}
		require.Equal(t, want, h.subjectOf(t, "customers", id))
	}
	require.Greater(t, len(tables), 15, "the samples are rich enough")
}

// contactRows says by hand what belongs to the contact $1 of the CRM: pairs of what is meant and what means it, followed
// from the contact on.
const contactRows = `WITH RECURSIVE pairs (of_type, of_id, tab, type, id) AS (
	SELECT 'contact', primary_contact_id, 'deals', 'deal', id::text FROM deals UNION ALL
	SELECT 'deal', deal_id, 'deal_line_items', '', id::text FROM deal_line_items UNION ALL
	SELECT entity_type, entity_id, 'activities', 'activity', id::text FROM activities UNION ALL
	SELECT entity_type, entity_id, 'notes', 'note', id::text FROM notes UNION ALL
	SELECT entity_type, entity_id, 'tasks', 'task', id::text FROM tasks UNION ALL
	SELECT entity_type, entity_id, 'files', 'file', id::text FROM files UNION ALL
	SELECT entity_type, entity_id, 'timeline_events', '', id::text FROM timeline_events UNION ALL
	SELECT crm_entity_type, crm_entity_id, 'memory_links', '', id::text FROM memory_links UNION ALL
	SELECT source_type, source_id, 'relationships', '', id::text FROM relationships
		WHERE source_type = 'contact' AND source_id = $1 OR target_type <> 'contact' UNION ALL
	SELECT target_type, target_id, 'relationships', '', id::text FROM relationships
		WHERE target_type = 'contact' AND target_id = $1 OR source_type <> 'contact'
), his AS (
	SELECT 'contacts' AS tab, 'contact' AS type, $1::text AS id UNION
	SELECT p.tab, p.type, p.id FROM his h JOIN pairs p ON p.of_type = h.type AND p.of_id::text = h.id
) SELECT x::text FROM his JOIN %s x ON his.tab = '%[1]s' AND x.id::text = his.id ORDER BY 1`

func TestAllOfAContactAndNothingElse(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	contacts := list[uuid.UUID](t, h, `SELECT c.id FROM contacts c JOIN deals d ON d.primary_contact_id = c.id
		WHERE c.tenant_id = $1 GROUP BY c.id ORDER BY count(DISTINCT d.id) DESC, c.id LIMIT 5`, h.mine)
	require.Greater(t, len(contacts), 1)
	_, err := h.admin.Exec(ctx, `INSERT INTO relationships (tenant_id, source_type, source_id, target_type, target_id, relation_type)
		SELECT $1::uuid, 'contact', $2::uuid, 'contact', $3::uuid, 'knows' UNION ALL
		SELECT $1::uuid, 'contact', $3::uuid, 'deal', id, 'watches' FROM deals WHERE primary_contact_id = $2::uuid UNION ALL
		SELECT $1::uuid, 'company', company_id, 'deal', id, 'pays' FROM deals WHERE primary_contact_id = $2::uuid AND company_id IS NOT NULL`, h.mine, contacts[0], contacts[1])
	require.NoError(t, err)
	_, err = h.admin.Exec(ctx, `INSERT INTO notes (tenant_id, entity_type, entity_id, body) SELECT $1::uuid, 'deal', id, 'planted' FROM deals WHERE primary_contact_id = $2::uuid UNION ALL
		SELECT $1::uuid, 'contact', $2::uuid, 'planted' UNION ALL SELECT $1::uuid, 'company', company_id, 'planted' FROM contacts WHERE id = $2::uuid AND company_id IS NOT NULL`, h.mine, contacts[0])
	require.NoError(t, err)
	_, err = h.admin.Exec(ctx, `UPDATE notes SET deleted_at = now() WHERE entity_id = $1`, contacts[0])
	require.NoError(t, err)
	tables := []string{
		"activities", "companies", "contacts", "deal_line_items", "deals", "files", "memory_links", "notes", "pipelines",
		"products", "relationships", "stages", "tasks", "timeline_events",
	}
	met := map[string]bool{}
	for _, id := range contacts {
		want := map[string][]string{}
		for _, table := range tables {
			if rows := list[string](t, h, fmt.Sprintf(contactRows, table), id); len(rows) > 0 {
				slices.Sort(rows)
				want[table], met[table] = rows, true
			}
		}
		require.Equal(t, want, h.subjectOf(t, "contacts", id))
	}
	for _, table := range []string{"contacts", "deals", "notes", "relationships"} {
		require.True(t, met[table], table)
	}
	for _, table := range []string{"companies", "products", "pipelines", "stages"} {
		require.False(t, met[table], "%s are nobody's", table)
	}
}
