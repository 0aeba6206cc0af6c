package rowprogram

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/tabular"
)

// messages applies f to cells, one a row, and gives the messages of each row.
func messages(t testing.TB, f Field, cells ...string) [][]string {
	t.Helper()
	if f.Name == "" {
		f.Name = "value"
	}
	b, _ := run(t, mustCompile(t, f), func() *tabular.Batch { return columnOf(cells...) })
	all := make([][]string, len(cells))
	for _, e := range b.Errors {
		all[e.Row] = append(all[e.Row], e.Message)
	}
	return all
}

func TestAValidatorAcceptsItsLimitAndNamesItWhenItFails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		field   Field
		good    []string
		bad     []string
		message string
	}{
		"required": {
			Field{Type: TypeText, DisplayName: "Email Address", Validators: []Validator{{Type: "required"}}},
			[]string{"x", "0"},
			[]string{"", " ", "\u00a0\t", "\ufeff"},
			"Email Address is required",
		},
		"min_length counts characters": {
			Field{Type: TypeText, Validators: []Validator{{Type: "min_length", Value: 3}}},
			[]string{"abc", "äöü", "日本語", "   x", ""},
			[]string{"ab", "äö", "👍"},
			"Value must have at least 3 characters",
		},
		"min_length of one": {
			Field{Type: TypeText, Validators: []Validator{{Type: "min_length", Value: "1"}}},
			[]string{"a", ""},
			nil, "Value must have at least 1 character",
		},
		"max_length counts characters": {
			Field{Type: TypeEmail, Validators: []Validator{{Type: "max_length", Value: 8}}},
			[]string{"ab@cd.ef", "äö@cd.ef"},
			[]string{"abc@cd.ef"},
			"Value must have at most 8 characters",
		},
		"min is inclusive": {
			Field{Name: "age", Type: TypeNumber, Validators: []Validator{{Type: "min", Value: 18}}},
			[]string{"18", "18.0", "1e2", "99999999999999999999", ""},
			[]string{"17", "17.9999999999999999999999", "-18", "-99999999999999999999", "0"},
			"Age must be at least 18",
		},
		"max is inclusive and exact": {
			Field{Type: TypeNumber, Validators: []Validator{{Type: "max", Value: "0.1"}}},
			[]string{"0.1", "0.10", "-5", "1e-1", "0"},
			[]string{"0.10000000000000000000000001", "1", "9e99"},
			"Value must be at most 0.1",
		},
		"min of a negative": {
			Field{Type: TypeNumber, Validators: []Validator{{Type: "min", Value: "-1,000.50"}}},
			[]string{"-1000.5", "-1000", "0"},
			[]string{"-1000.51", "-2e3"},
			"Value must be at least -1000.50",
		},
		"min on dates counts whole days": {
			Field{Type: TypeDate, Validators: []Validator{{Type: "min", Value: "2024-02-29"}}},
			[]string{"2024-02-29", "2024-02-29T00:00:00-12:00", "29 Feb 2024"},
			[]string{"2024-02-28", "2024-02-28 23:59"},
			"Value must be 2024-02-29 or later",
		},
		"max on dates counts whole days": {
			Field{Type: TypeDate, Validators: []Validator{{Type: "max", Value: "2024-12-31"}}},
			[]string{"2024-12-31", "2024-12-31T23:59:59.999Z", "0001-01-01"},
			[]string{"2025-01-01"},
			"Value must be 2024-12-31 or earlier",
		},
		"max on instants heeds offsets": {
			Field{Type: TypeDate, Validators: []Validator{{Type: "max", Value: "2024-01-01T00:00:00Z"}}},
			[]string{"2024-01-01T02:00:00+02:00", "2024-01-01", "2023-12-31T23:59:59.9"},
			[]string{"2024-01-01T00:00:00-00:01", "2024-01-01T00:00:00.001Z", "2024-01-01T00:00:01"},
			"Value must be 2024-01-01T00:00:00Z or earlier",
		},
		"regex is unanchored": {
			Field{Type: TypeText, Validators: []Validator{{Type: "regex", Pattern: `\d{3}`}}},
			[]string{"a123b", "1234"},
			[]string{"12", "a12b3"},
			`Value must match the pattern \d{3}`,
		},
		"regex sees the canonical number": {
			Field{Type: TypeNumber, Validators: []Validator{{Type: "regex", Pattern: `^\d+$`}}},
			[]string{"1,234,567", "007"},
			[]string{"1.5", "-1"},
			`Value must match the pattern ^\d+$`,
		},
		"length of an option": {
			Field{Type: TypeSelect, Options: []string{"abc", "abcd"}, Validators: []Validator{{Type: "max_length", Value: 3}}},
			[]string{"ABC"},
			[]string{"abcd"},
			"Value must have at most 3 characters",
		},
		"its own message": {
			Field{Type: TypeNumber, Validators: []Validator{{Type: "max", Value: 3, Message: "Three is enough"}}},
			[]string{"3"},
			[]string{"4"},
			"Three is enough",
		},
		"its own message when required": {
			Field{Type: TypeNumber, Validators: []Validator{{Type: "required", Message: "Say something"}}},
			[]string{"3"},
			[]string{""},
			"Say something",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i, got := range messages(t, test.field, test.good...) {
				require.Empty(t, got, test.good[i])
			}
			for i, got := range messages(t, test.field, test.bad...) {
				require.Equal(t, []string{test.message}, got, test.bad[i])
			}
		})
	}
}

func TestEachFailingRuleOfACellIsReported(t *testing.T) {
	t.Parallel()
	require.Equal(t, [][]string{{
		"Value must be an e-mail address, such as name@example.com",
		"Value must have at least 10 characters",
		"Value must match the pattern @",
		"Value must match the pattern com$",
	}}, messages(t, Field{Type: TypeEmail, Validators: []Validator{
		{Type: "required"}, {Type: "min_length", Value: 10}, {Type: "regex", Pattern: "@"}, {Type: "max_length", Value: 20}, {Type: "regex", Pattern: "com$"},
	}}, "nobody"))
	require.Equal(t, [][]string{{
		"Value must be a number, such as 1234.5", "Value must match the pattern ^1",
	}}, messages(t, Field{Type: TypeNumber, Validators: []Validator{
		{Type: "min", Value: 5}, {Type: "max", Value: 9}, {Type: "regex", Pattern: "^1"},
	}}, " x "), "what is no number has no size")
}

func TestAnEmptyCellIsSubjectToRequiredAlone(t *testing.T) {
	t.Parallel()
	rules := map[string][]Validator{
		TypeText:        {{Type: "min_length", Value: 3}, {Type: "regex", Pattern: "x"}, {Type: "unique"}},
		TypeNumber:      {{Type: "min", Value: 3}, {Type: "regex", Pattern: "x"}},
		TypeDate:        {{Type: "max", Value: "2000-01-01"}},
		TypeEmail:       {{Type: "min_length", Value: 3}},
		TypePhone:       {{Type: "min_length", Value: 3}},
		TypeBoolean:     nil,
		TypeSelect:      {{Type: "min_length", Value: 3}},
		TypeCustomRegex: {{Type: "regex", Pattern: "x"}},
	}
	for kind, validators := range rules {
		f := Field{Type: kind, Validators: validators}
		if kind == TypeSelect {
			f.Options = []string{"long enough"}
		}
		require.Equal(t, [][]string{nil, nil, nil}, messages(t, f, "", "  ", "\u3000"), kind)
		f.Validators = append(f.Validators, Validator{Type: "required"})
		require.Equal(t, [][]string{{"Value is required"}}, messages(t, f, " "), kind)
	}
}

func TestAnEmptyOptionStandsForNoValue(t *testing.T) {
	t.Parallel()
	f := Field{Type: TypeSelect, Options: []string{"", "Yes", "No", "Maybe"}}
	require.Equal(t, [][]string{nil, nil, {"Value must be Yes, No or Maybe"}}, messages(t, f, "", "no", "x"))
	f.Options = f.Options[:2]
	require.Equal(t, [][]string{{"Value must be Yes"}}, messages(t, f, "x"))
	for i := range 30 {
		f.Options = append(f.Options, string(rune('a'+i)))
	}
	require.Contains(t, messages(t, f, "?")[0][0], "Value must be Yes, a, b, ")
	require.Contains(t, messages(t, f, "?")[0][0], " or 11 more")
}

func TestAnErrorShowsTheOriginalCellCutAtACharacter(t *testing.T) {
	t.Parallel()
	p := mustCompile(t, Field{Name: "value", Type: TypeNumber, Transformations: []Transformation{{Type: "trim"}, {Type: "lowercase"}}})
	long := strings.Repeat("É", 300)
	b := columnOf(" ABC ", long, "\xff\x00x")
	require.NoError(t, p.Apply(b))
	require.Len(t, b.Errors, 3)
	require.Equal(t, tabular.CellError{Row: 0, Col: 0, Rule: TypeNumber, Message: "Value must be a number, such as 1234.5", Value: " ABC "}, b.Errors[0])
	require.Equal(t, strings.Repeat("É", 200), b.Errors[1].Value)
	require.Equal(t, "\ufffd\ufffdx", b.Errors[2].Value, "what an error shows can be stored anywhere")
}

func TestUniqueFieldsAreNamedWithTheirMessages(t *testing.T) {
	t.Parallel()
	p := mustCompile(t,
		Field{Name: "a", Type: TypeText},
		Field{Name: "b_c", Type: TypeEmail, Validators: []Validator{{Type: "required"}, {Type: "unique"}}},
		Field{Name: "d", Type: TypeNumber, Validators: []Validator{{Type: "unique", Message: "Once only"}}},
	)
	require.Equal(t, []UniqueRule{{Field: 1, Message: "B C must be unique"}, {Field: 2, Message: "Once only"}}, p.Unique())
}

func TestUniqueKeysAreTrimmedAndOfOneCase(t *testing.T) {
	t.Parallel()
	key := func(text string) string { return string(UniqueKey([]byte("<"), []byte(text))) }
	require.Equal(t, key("ada@example.com"), key("\u00a0 ADA@Example.COM\t"))
	require.Equal(t, key("ΣΊΣΥΦΟΣ"), key("σίσυφος"))
	require.Equal(t, key("k"), key("\u212a"), "the Kelvin sign is a K")
	require.NotEqual(t, key("é"), key("e"))
	require.NotEqual(t, key("a b"), key("ab"))
	require.Equal(t, "<", key(" \u3000"), "an empty cell has no key")
	require.NotEqual(t, key("\xff"), key("\xfe"), "bytes that are no text stay apart")
}
