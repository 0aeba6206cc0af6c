package rowprogram

import (
	"bytes"
	"regexp"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"wharf/internal/tabular"
)

// everyField is one field of each type with all that can be said of it.
func everyField() []Field {
	all := []Transformation{
		{Type: "trim"},
		{Type: "lowercase"},
		{Type: "capitalize"},
		{Type: "uppercase"},
		{Type: "replace", Find: "  ", Replace: " "},
		{Type: "replace", Find: `(\d) +(\d)`, Replace: "$1$2", Regex: true},
		{Type: "uppercase", Stage: "post"},
	}
	text := []Validator{{Type: "required"}, {Type: "min_length", Value: 2}, {Type: "max_length", Value: 20}, {Type: "regex", Pattern: `\w`}, {Type: "unique"}}
	return []Field{
		{Name: "text", Type: TypeText, Transformations: append([]Transformation{{Type: "normalize_date"}}, all...), Validators: text},
		{Name: "plain", Type: TypeText},
		{Name: "special", Type: TypeText, Transformations: []Transformation{{Type: "remove_special_chars"}, {Type: "default", Value: "none"}}},
		{Name: "email", Type: TypeEmail, Transformations: all, Validators: text},
		{Name: "phone", Type: TypePhone, Transformations: []Transformation{{Type: "normalize_phone"}}},
		{Name: "number", Type: TypeNumber, Validators: []Validator{{Type: "min", Value: "-1e10"}, {Type: "max", Value: 12.5}, {Type: "regex", Pattern: "^1"}}},
		{Name: "comma", Type: TypeNumber, Decimal: ",", Transformations: all},
		{Name: "date", Type: TypeDate, Transformations: []Transformation{{Type: "normalize_date", Format: "DD/MM/YYYY HH:mm:ss"}}, Validators: []Validator{{Type: "min", Value: "1900-01-01"}, {Type: "max", Value: "2100-01-01T00:00:00Z"}}},
		{Name: "mdy", Type: TypeDate, DateOrder: "mdy", Transformations: all},
		{Name: "boolean", Type: TypeBoolean},
		{Name: "select", Type: TypeSelect, Options: []string{"Yes", "No", "yes"}, ValueMap: map[string]string{"j": "Yes"}},
		{Name: "pattern", Type: TypeCustomRegex, Validators: []Validator{{Type: "regex", Pattern: `^\d*$`}}},
	}
}

var canonicalDate = regexp.MustCompile(`^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?)?$`)

// spread is a batch whose rows hold one cell in every column.
func spread(columns int, kind tabular.Kind, cells ...[]byte) *tabular.Batch {
	b := &tabular.Batch{Cols: columns}
	for i, cell := range cells {
		b.Lines = append(b.Lines, int64(i+2))
		for range columns {
			b.Cells = append(b.Cells, cell)
			b.Kinds = append(b.Kinds, kind)
		}
	}
	return b
}

func FuzzApply(f *testing.F) {
	for _, table := range valueTables {
		for _, c := range table.cases {
			f.Add([]byte(c.in), []byte("13/02/2024"), byte(c.kind))
		}
	}
	f.Add([]byte("1,234"), []byte("12,5"), byte(0))
	f.Fuzz(func(t *testing.T, first, second []byte, kind byte) {
		fields := everyField()
		p := mustCompile(t, fields...)
		file := func() *tabular.Batch { return spread(len(fields), tabular.Kind(kind%5), first, second) }
		before := bytes.Clone(first)
		b, _ := run(t, p, file)
		require.Equal(t, before, first, "the source's memory is read only")
		require.Equal(t, 2, b.Len())

		failed := make(map[int]bool)
		for _, e := range b.Errors {
			failed[e.Row*b.Cols+e.Col] = true
			require.NotEmpty(t, e.Rule)
			require.True(t, utf8.ValidString(e.Message+e.Value))
			require.LessOrEqual(t, utf8.RuneCountInString(e.Value), maxValue)
		}
		source := file()
		for i, cell := range b.Cells {
			if failed[i] {
				require.Equal(t, source.Cells[i], cell, "a failing cell keeps its text")
				continue
			}
			checkCanonical(t, fields[i%b.Cols].Type, cell)
			p.AppendPresent(nil, i%b.Cols, cell)
		}
	})
}

func checkCanonical(t *testing.T, kind string, cell []byte) {
	require.True(t, utf8.Valid(cell))
	require.NotContains(t, string(cell), "\x00")
	if len(cell) == 0 {
		return
	}
	switch kind {
	case TypeNumber:
		require.Regexp(t, canonicalNumber, string(cell))
	case TypeDate:
		require.Regexp(t, canonicalDate, string(cell))
	case TypeBoolean:
		require.Contains(t, []string{"true", "false"}, string(cell))
	case TypeSelect:
		require.Contains(t, []string{"Yes", "No", "yes"}, string(cell))
	}
}

func TestTheOutcomeDoesNotHangOnHowRowsAreBatched(t *testing.T) {
	t.Parallel()
	cell := rapid.SampledFrom([]string{
		"", " ", "1,234", "1.234", "12,5", "12.5", "7", "1,234,567", "03/04/2024", "13/02/2024", "02/13/2024", "2024-02-29", "x", "yes", "ada@example.com",
	})
	rapid.Check(t, func(t *rapid.T) {
		fields := everyField()[5:9]
		var cells [][]byte
		for range rapid.IntRange(1, 6).Draw(t, "rows") * len(fields) {
			cells = append(cells, []byte(cell.Draw(t, "cell")))
		}
		size := rapid.IntRange(1, 6).Draw(t, "size")
		whole, split := outcome(t, fields, cells, len(cells)/len(fields)), outcome(t, fields, cells, size)
		require.Equal(t, whole, split)
	})
}

// outcome runs a file in batches of so many rows and gives all there is to see of it.
func outcome(t *rapid.T, fields []Field, cells [][]byte, size int) (seen []string) {
	p, err := Compile(fields, Config{})
	require.NoError(t, err)
	batches := func(do func(b *tabular.Batch) error) error {
		for from, rows := 0, len(cells)/len(fields); from < rows; from += size {
			b := &tabular.Batch{Cols: len(fields)}
			for r := from; r < min(from+size, rows); r++ {
				b.Lines = append(b.Lines, int64(r+2))
				b.Cells = append(b.Cells, cells[r*len(fields):(r+1)*len(fields)]...)
			}
			if err := do(b); err != nil {
				return err
			}
		}
		return nil
	}
	apply := func(b *tabular.Batch) error {
		err := p.Apply(b)
		for _, cell := range b.Cells {
			seen = append(seen, string(cell))
		}
		for _, e := range b.Errors {
			seen = append(seen, e.Message)
		}
		return err
	}
	if err := batches(apply); err == nil {
		return slices.Sorted(slices.Values(seen))
	}
	seen = nil
	require.NoError(t, batches(func(b *tabular.Batch) error { p.Survey(b); return nil }))
	for _, d := range p.Decide() {
		seen = append(seen, d.Value+d.Reason)
	}
	require.NoError(t, batches(apply))
	return slices.Sorted(slices.Values(seen))
}
