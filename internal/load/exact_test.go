package load_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A number that the column would round is refused; one that is only spelled with more decimals is taken.
func TestNumbersAreStoredAsTheyWereGivenOrNotAtAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, `
		CREATE DOMAIN public.amount AS numeric(12,2);
		CREATE TABLE public.prices (
			id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, ext text, unit_price numeric(12,2), cost amount,
			weight numeric(5,0), qty integer, sizes numeric(8,2)[], codes varchar(3)[], free numeric, UNIQUE (tenant_id, ext));
		COMMENT ON TABLE public.prices IS '@match ext'`)
	for name, tc := range map[string]struct{ columns, row, want, message string }{
		"too many decimals":              {"unit_price", "1.239", "", "2 unit_price: Unit Price has more than 2 decimal places (1.239)"},
		"too many in a domain":           {"cost", "1.239", "", "2 cost: Cost has more than 2 decimal places (1.239)"},
		"too many in a list":             {"sizes", "{1.5,1.239}", "", "2 sizes: Sizes has an element that does not fit numeric(8,2) ({1.5,1.239})"},
		"too many in a JSON list":        {"sizes", "[1.5, 1.239]", "", "2 sizes: Sizes has an element that does not fit numeric(8,2) ({1.5,1.239})"},
		"too long in a list":             {"codes", "{ab,abcd}", "", "2 codes: Codes has an element that does not fit character varying(3) ({ab,abcd})"},
		"zeros at the end":               {"unit_price sizes", "1.23000 | {1.5000}", "1.23|{1.50}", ""},
		"as many as there are":           {"free", "1.23900001", "1.23900001", ""},
		"a whole number of few decimals": {"weight qty", "7.0 | 5.0", "7|5", ""},
		"no whole number":                {"qty", "5.5", "", "2 qty: Qty is not a whole number (5.5)"},
		"no whole numeric":               {"weight", "5.5", "", "2 weight: Weight is not a whole number (5.5)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := w.anew()
			got := w.merge(t, w.spec(t, "prices", "ext "+tc.columns), rows("a | "+tc.row))
			if tc.message != "" {
				require.Equal(t, []string{tc.message}, got.messages())
				return
			}
			require.Empty(t, got.messages())
			list := "concat_ws('|', unit_price, sizes, free, weight, qty)"
			require.Equal(t, tc.want, w.one(t, `SELECT `+list+` FROM prices WHERE tenant_id = $1`))
		})
	}
}
