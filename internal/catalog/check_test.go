package catalog

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckListReadsWhatPostgresMakesOfColumnIn(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		check  string
		column string
		values []string
	}{
		"varchar":          {`((status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))`, "status", []string{"a", "b"}},
		"varchar restored": {`((status)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying)::text]))`, "status", []string{"a", "b"}},
		"sized varchar":    {`(s = ANY (ARRAY['a'::character varying(3), 'b'::character varying(3)]))`, "s", []string{"a", "b"}},
		"text":             {`(s = ANY (ARRAY['a'::text, 'b'::text]))`, "s", []string{"a", "b"}},
		"char":             {`(c3 = ANY (ARRAY['USD'::bpchar, 'EUR'::bpchar]))`, "c3", []string{"USD", "EUR"}},
		"one value":        {`((s)::text = 'a'::text)`, "s", []string{"a"}},
		"null or":          {`((s IS NULL) OR (s = ANY (ARRAY['x'::text, 'y'::text])))`, "s", []string{"x", "y"}},
		"or null":          {`((s = 'x'::text) OR (s IS NULL))`, "s", []string{"x"}},
		"or":               {`(((s)::text = 'a'::text) OR ((s)::text = 'b'::text))`, "s", []string{"a", "b"}},
		"domain":           {`((VALUE)::text = ANY ((ARRAY['p'::character varying])::text[]))`, "VALUE", []string{"p"}},
		"quotes":           {`("it's ""x""" = ANY (ARRAY['b''c'::text, 'd\e'::text, ''::text, 'x, ]) OR'::text]))`, `it's "x"`, []string{"b'c", `d\e`, "", "x, ]) OR"}},
		"keyword column":   {`("OR" = ANY (ARRAY['a'::text]))`, "OR", []string{"a"}},
		"unicode":          {`("größe" = 'süß'::text)`, "größe", []string{"süß"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			column, values, ok := checkList(tc.check)
			require.True(t, ok)
			require.Equal(t, tc.column, column)
			require.Equal(t, tc.values, values)
		})
	}
}

func TestCheckListLeavesOtherChecksAlone(t *testing.T) {
	t.Parallel()
	for name, check := range map[string]string{
		"numbers":          `(n = ANY (ARRAY[1, '-2'::integer]))`,
		"function":         `(lower((s)::text) = ANY (ARRAY['a'::text, 'b'::text]))`,
		"and":              `((s = ANY (ARRAY['a'::text, 'b'::text])) AND (s <> 'c'::text))`,
		"not":              `(NOT (s = 'c'::text))`,
		"not equal":        `(s <> ALL (ARRAY['a'::text, 'b'::text]))`,
		"two columns":      `((a = 'x'::text) OR (b = 'y'::text))`,
		"other's null":     `((b IS NULL) OR (a = 'y'::text))`,
		"null alone":       `(s IS NULL)`,
		"not null":         `(s IS NOT NULL)`,
		"column to column": `(a = b)`,
		"array literal":    `(s = ANY ('{a,b}'::text[]))`,
		"array column":     `(tags = ARRAY['a'::text])`,
		"nocase":           `(s = ANY (ARRAY['a'::public.citext, 'b'::public.citext]))`,
		"enum":             `(s = ANY (ARRAY['a'::public.mood]))`,
		"element of array": `('a'::text = ANY (tags))`,
		"nested array":     `(s = ANY (ARRAY[ARRAY['a'::text]]))`,
		"or something":     `((s = 'a'::text) OR (n > 3))`,
		"cut short":        `((s = ANY (ARRAY['a'::text`,
		"open quote":       `(s = 'a`,
		"empty":            ``,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, ok := checkList(check)
			require.False(t, ok)
		})
	}
}

func FuzzParsersEndOnAnyText(f *testing.F) {
	f.Add(`((status)::text = ANY ((ARRAY['a'::character varying])::text[]))`)
	f.Add(`TRIM(BOTH FROM lower("A ""b""".c)) , 'x'`)
	f.Add("first\n@poly a=b \"c d\"=\"e\"\n@match lower((x)::text), y")
	f.Fuzz(func(t *testing.T, text string) {
		_, values, ok := checkList(text)
		require.Equal(t, ok, values != nil)
		parseCall(text)
		splitComment(text)
		splitOutside(text, ',')
		splitTrees(text)
		at := 0
		for _, tok := range tokens(text) {
			require.GreaterOrEqual(t, tok.from, at)
			require.Greater(t, tok.to, tok.from)
			require.LessOrEqual(t, tok.to, len(text))
			at = tok.to
		}
	})
}
