package dump

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRowsGoIntoStagingInTheirColumnsTypes(t *testing.T) {
	t.Parallel()
	y := newYard(t, "")
	d := y.readText(t, doc(`
		"contacts": [
			{"id": "018f6d2e-0000-7000-8000-000000000001", "tenant_id": "not even a uuid", "email": "ann@example.com", "tags": ["a", "b"],
			 "data": {"n": 12345678901234567890.12}, "created_at": "2026-01-02T03:04:05.678901+02:00", "company_id": null},
			{"email": "caf\u00e9 \ud83d\ude00", "id": "018f6d2e-0000-7000-8000-000000000002", "phone": 123, "title": true}
		],
		"companies": [{"name": "A\"B", "annual_revenue": 1234567890123456.78, "employee_count": 5e3}]`))
	require.Equal(t, []string{"companies", "contacts"}, d.order, "in the catalog's order")
	require.Empty(t, d.warnings)
	ann, zoe := d.rows["contacts"][0], d.rows["contacts"][1]
	require.Equal(t, "ann@example.com", ann[".email"])
	require.Equal(t, `["a", "b"]`, ann[".tags"])
	require.Equal(t, `{"n": 12345678901234567890.12}`, ann[".data"], "every digit")
	require.Equal(t, "2026-01-02 01:04:05.678901+00", ann[".created_at"])
	require.Equal(t, "018f6d2e-0000-7000-8000-000000000001", ann[".id"])
	require.NotContains(t, ann, ".company_id")
	require.NotContains(t, ann, ".tenant_id", "the tenant is never taken from a document")
	require.NotContains(t, ann, "up")
	require.Equal(t, "café 😀", zoe[".email"])
	require.Equal(t, "123", zoe[".phone"])
	require.Equal(t, "true", zoe[".title"])
	company := d.rows["companies"][0]
	require.Equal(t, "1234567890123456.78", company[".annual_revenue"])
	require.Equal(t, "5000", company[".employee_count"])
}
