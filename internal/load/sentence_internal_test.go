package load

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSimpleRulesArePutIntoWords(t *testing.T) {
	t.Parallel()
	labels := map[string]string{"qty": "Quantity", "name": "Name", "starts": "Starts", "ends": "Ends", `"Odd ""one"`: "Odd"}
	label := func(column string) (string, bool) {
		l, ok := labels[column]
		return l, ok
	}
	for expr, want := range map[string]string{
		"(qty > 0)":                                         "Quantity must be more than 0",
		"(qty >= (0)::numeric)":                             "Quantity must be at least 0",
		"(qty > '-1'::integer)":                             "Quantity must be more than -1",
		"((qty >= 1) AND (qty <= 10))":                      "Quantity must be at least 1 and at most 10",
		"((qty IS NULL) OR (qty <> 13))":                    "Quantity must not be 13",
		"(starts < ends)":                                   "Starts must be less than Ends",
		"((qty > 0) AND (starts <= ends))":                  "Quantity must be more than 0, and Starts must be at most Ends",
		"((name)::text <> ''::text)":                        "Name must not be empty",
		"(btrim(name) <> ''::text)":                         "Name must not be empty",
		"(char_length(name) <= 10)":                         "Name must have at most 10 characters",
		"(length((name)::text) = 3)":                        "Name must have 3 characters",
		"(length(name) > 0)":                                "Name must not be empty",
		"((name)::text ~ '^[A-Z]+ AND (x)$'::text)":         "Name must match the pattern ^[A-Z]+ AND (x)$",
		"((name)::text ~~ '%@%'::text)":                     "Name must be like %@%",
		"(lower((name)::text) = (name)::text)":              "Name must be in lower case",
		"(qty = ANY (ARRAY[1, 2]))":                         "Quantity must be one of 1, 2",
		"(name <> 'it''s'::text)":                           "Name must not be it's",
		"(starts > '2000-01-01'::date)":                     "Starts must be more than 2000-01-01",
		"(starts > '2000-01-01'::timestamp with time zone)": "Starts must be more than 2000-01-01",
		`("Odd ""one" > 1)`:                                 "Odd must be more than 1",
		"(name IS NOT NULL)":                                "Name must have a value",
		"((qty % 2) = 0)":                                   "",
		"((qty > 0) OR (name IS NOT NULL))":                 "",
		"is_fine(name)":                                     "",
		"(qty > other)":                                     "",
		"(NOT (qty > 1))":                                   "",
	} {
		require.Equal(t, want, sentence(expr, label), expr)
	}
}

func FuzzSentence(f *testing.F) {
	f.Add("((qty >= 1) AND (qty <= 10))")
	f.Add("(name = ANY (ARRAY['a'::text, 'b''c'::text]))")
	f.Add("(((")
	f.Fuzz(func(_ *testing.T, expr string) {
		sentence(expr, func(column string) (string, bool) { return column, true }) // ends, and does not panic
	})
}
