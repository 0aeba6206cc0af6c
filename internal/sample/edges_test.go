package sample_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/sample"
	"wharf/internal/testenv"
)

// What other tests rely on the sample to hold.
func TestSeedHoldsTheValuesThatBreakOthers(t *testing.T) {
	t.Parallel()
	db := testenv.Sample(t)
	cfg := config(acme)
	cfg.Rows = 60
	_, err := seed(t, db.AdminURL, cfg)
	require.NoError(t, err)
	service := db.Service(t)
	for what, from := range map[string]string{
		"a key given again after a soft delete": `contacts a JOIN contacts b USING (external_id)
			WHERE a.deleted_at IS NULL AND b.deleted_at IS NOT NULL`,
		"a row that refers to its own table":   `inventory a JOIN inventory b ON a.parent_id = b.id`,
		"two rows that refer to each other":    `sales s JOIN invoices i ON s.invoice_id = i.id AND i.sale_id = s.id`,
		"a sale without an invoice":            `sales WHERE invoice_id IS NULL`,
		"right-to-left text":                   `notes WHERE body ~ '[א-ת]'`,
		"an emoji of several code points":      `notes WHERE body LIKE '%' || U&'\+01F469\200D' || '%'`,
		"COPY's end mark on a line of its own": `notes WHERE body LIKE E'%\n\\\\.\n%'`,
		"an empty text that is no null":        `notes WHERE body = ''`,
		"a text that a sheet takes for a sum":  `notes WHERE body LIKE '=SUM%'`,
		"a carriage return":                    `notes WHERE body LIKE E'%\r\n%'`,
		"blanks around a text":                 `notes WHERE body LIKE '  %  '`,
		"a number that no float64 keeps":       `deals WHERE amount <> amount::float8::numeric`,
		"such a number inside jsonb":           `contacts WHERE data ? 'exact'`,
		"an integer that no float64 keeps":     `loyalty_tiers WHERE min_points <> min_points::float8::bigint`,
		"an infinite date":                     `appraisals WHERE valid_until = 'infinity'`,
		"infinite timestamps":                  `integrations WHERE expires_at IN ('infinity', '-infinity')`,
		"an empty range":                       `vouchers WHERE isempty(valid_during)`,
		"an open range":                        `vouchers WHERE upper_inf(valid_during)`,
		"an empty list":                        `customers WHERE preferred_metals = '{}'`,
		"a null inside a list":                 `customers WHERE array_position(preferred_metals, NULL) > 0`,
		"an interval of mixed signs":           `repairs WHERE turnaround = '-1 days +12:00:00'`,
		"an hour past the last":                `locations WHERE closes_at = '24:00'`,
		"an address of version 6":              `store_audit_log WHERE family(ip_address) = 6`,
		"a NUL byte":                           `print_jobs WHERE position('\x00'::bytea IN payload) > 0`,
		"leading zeros":                        `inventory WHERE sku LIKE '00%'`,
		"a step called order":                  `repair_stages WHERE "order" = 2`,
		"a card of the older till":             `"Gift Cards" WHERE "customerId" IS NOT NULL AND "Balance" > 0`,
		"a user who looks after a deal":        `deals WHERE owner_user_id IS NOT NULL`,
	} {
		require.Positive(t, query[int64](t, service, cfg.TenantID, "SELECT count(*) FROM "+from)[0], what)
	}
}

// The messy file refers to companies by domain, whatever the tenant's size.
func TestSeedMakesTheCompaniesOfTheMessyFile(t *testing.T) {
	t.Parallel()
	db := testenv.Sample(t)
	cfg := config(acme)
	cfg.Rows = 1
	_, err := seed(t, db.AdminURL, cfg)
	require.NoError(t, err)
	for i := range 20 {
		const named = "SELECT count(*) FROM companies WHERE lower(domain) = $1 AND deleted_at IS NULL"
		require.EqualValues(t, 1, query[int64](t, db.Service(t), acme, named, sample.CompanyDomain(i))[0])
	}
}
