package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/catalog"
)

func TestChecksThatAreNoListOfValuesAreKept(t *testing.T) {
	t.Parallel()
	p := newProduct(t, `
		CREATE TABLE visits (
			id uuid PRIMARY KEY, tenant_id uuid NOT NULL, kind text CHECK (kind IN ('a', 'b')), grade integer CHECK (grade IN (1, 2)),
			starts integer, ends integer CONSTRAINT positive CHECK (ends > 0),
			CONSTRAINT in_order CHECK (starts < ends),
			CONSTRAINT whole_row CHECK (visits IS NOT NULL)
		)`)
	visits := table(t, p.read(t, config()), "visits")
	require.ElementsMatch(t, []catalog.Check{
		{Name: "in_order", Expression: "(starts < ends)", Columns: []string{"starts", "ends"}},
		{Name: "positive", Expression: "(ends > 0)", Columns: []string{"ends"}},
		{Name: "visits_grade_check", Expression: "(grade = ANY (ARRAY[1, 2]))", Columns: []string{"grade"}},
	}, visits.Checks)
	require.Equal(t, `((s."starts" < s."ends"))`, visits.Condition("(starts < ends)", "s"))
}
