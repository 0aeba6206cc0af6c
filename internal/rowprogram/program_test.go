package rowprogram

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/tabular"
)

func TestABadRowIsMarkedAndKeepsItsText(t *testing.T) {
	t.Parallel()
	p := mustCompile(t,
		Field{Name: "name", Type: TypeText, Transformations: []Transformation{{Type: "uppercase"}}, Validators: []Validator{{Type: "max_length", Value: 3}}},
		Field{Name: "age", Type: TypeNumber, Validators: []Validator{{Type: "required"}}},
	)
	b := &tabular.Batch{
		Cols: 2, Lines: []int64{2, 3, 4},
		Cells:  [][]byte{[]byte("long"), nil, []byte("ada"), []byte("1,234,567"), []byte("bob"), []byte("x")},
		Errors: []tabular.CellError{{Row: 2, Col: -1, Rule: "ragged", Message: "too many cells"}},
	}
	require.NoError(t, p.Apply(b))
	require.Equal(t, 3, b.Len())
	require.Equal(t, "long  ADA 1234567 BOB x", join(b))
	require.Equal(t, []tabular.CellError{
		{Row: 0, Col: 0, Rule: "max_length", Message: "Name must have at most 3 characters", Value: "long"},
		{Row: 0, Col: 1, Rule: "required", Message: "Age is required"},
		{Row: 2, Col: -1, Rule: "ragged", Message: "too many cells"},
		{Row: 2, Col: 1, Rule: TypeNumber, Message: "Age must be a number, such as 1234.5", Value: "x"},
	}, b.Errors, "in the order of rows and columns, after those of the reader")
}

func TestAFieldWithoutASourceColumnHasItsDefaultOrIsRequired(t *testing.T) {
	t.Parallel()
	p := mustCompile(t,
		Field{Name: "plan", Type: TypeSelect, Options: []string{"Free", "Paid"}, Transformations: []Transformation{{Type: "default", Value: "free"}}, Validators: []Validator{{Type: "required"}}},
		Field{Name: "owner", Type: TypeEmail, Validators: []Validator{{Type: "required"}, {Type: "min_length", Value: 3}}},
	)
	source := columnOf("a", "b")
	var b tabular.Batch
	source.Project(&b, []int{-1, -1})
	require.NoError(t, p.Apply(&b))
	require.Equal(t, "Free  Free ", join(&b))
	require.Len(t, b.Errors, 2)
	require.Equal(t, "Owner is required", b.Errors[0].Message)
}

func TestTheSourcesMemoryIsNeverWritten(t *testing.T) {
	t.Parallel()
	var fields []Field
	for _, kind := range []string{TypeText, TypeEmail, TypeNumber, TypeDate, TypePhone, TypeBoolean} {
		fields = append(fields, Field{Name: kind, Type: kind, Transformations: []Transformation{
			{Type: "trim"}, {Type: "lowercase"}, {Type: "replace", Find: "x", Replace: "y"}, {Type: "capitalize"}, {Type: "normalize_phone"}, {Type: "trim", Stage: "post"}, {Type: "uppercase", Stage: "post"},
		}})
	}
	p := mustCompile(t, fields...)
	memory := []byte(" ABC xyz ada@EXAMPLE.com 1,234,567 Feb 29, 2024 6502530000 YES")
	before := bytes.Clone(memory)
	b := &tabular.Batch{Cols: 6, Lines: []int64{2}, Cells: [][]byte{memory[0:9], memory[9:24], memory[25:34], memory[35:47], memory[48:58], memory[59:]}}
	require.NoError(t, p.Apply(b))
	require.Equal(t, before, memory)
	require.Equal(t, "ABC YYZ ADA@EYAMPLE.COM 1234567 2024-02-29 (650) 253-0000 true", join(b))
}

func TestBatchesMayOverlapInTime(t *testing.T) {
	t.Parallel()
	p := mustCompile(t, Field{Name: "n", Type: TypeNumber})
	var batches []*tabular.Batch
	for range 5 {
		b := columnOf("1,000,001", "1,000,002", "1,000,003")
		require.NoError(t, p.Apply(b))
		batches = append(batches, b)
	}
	for _, b := range batches {
		require.Equal(t, "1000001 1000002 1000003", join(b), "a later batch leaves an earlier one's text alone")
	}
}

func TestApplyStopsAtACellThatWaitsForItsColumn(t *testing.T) {
	t.Parallel()
	p := mustCompile(t, Field{Name: "when", Type: TypeDate})
	require.NoError(t, p.Apply(columnOf("2024-01-01", "25/12/2024")))
	require.ErrorIs(t, p.Apply(columnOf("03/04/2024")), ErrUndecided)
	require.ErrorIs(t, p.Apply(columnOf("03/04/2024")), ErrUndecided, "until it is decided")

	p.Survey(columnOf("2024-01-01", "25/12/2024"))
	p.Survey(columnOf("03/04/2024"))
	require.Len(t, p.Decide(), 1)
	b := columnOf("03/04/2024")
	require.NoError(t, p.Apply(b))
	require.Equal(t, "2024-04-03", join(b))
}

func TestACommaInALaterBatchTakesBackAPointInAnEarlierOne(t *testing.T) {
	t.Parallel()
	p := mustCompile(t, Field{Name: "n", Type: TypeNumber})
	require.NoError(t, p.Apply(columnOf("1.234", "5.678")), "most files are done in one pass")
	require.ErrorIs(t, p.Apply(columnOf("12,5")), ErrUndecided)

	p = mustCompile(t, Field{Name: "n", Type: TypeNumber})
	require.NoError(t, p.Apply(columnOf("12,5")))
	require.ErrorIs(t, p.Apply(columnOf("1.234")), ErrUndecided)
}

func TestSurveyLeavesTheBatchAsItIs(t *testing.T) {
	t.Parallel()
	p := mustCompile(t, Field{Name: "when", Type: TypeDate, Transformations: []Transformation{{Type: "replace", Find: " of", Replace: ""}, {Type: "uppercase"}}, Validators: []Validator{{Type: "required"}}})
	b := columnOf("3 of march 2024", "", "nonsense")
	p.Survey(b)
	require.Equal(t, "3 of march 2024  nonsense", join(b))
	require.Empty(t, b.Errors)
}

func TestSurveyReadsCellsAsTheTransformationsLeaveThem(t *testing.T) {
	t.Parallel()
	f := Field{Name: "when", Type: TypeDate, Transformations: []Transformation{{Type: "replace", Find: "on ", Replace: ""}}}
	b, decisions := run(t, mustCompile(t, f), func() *tabular.Batch { return columnOf("on 03/04/2024", "on 25/12/2024") })
	require.Empty(t, b.Errors)
	require.Equal(t, "2024-04-03 2024-12-25", join(b))
	require.Equal(t, "25/12/2024 in row 3 can only have the day first", decisions[0].Reason)
}

func TestWhatAWorkbookKnowsOfACellIsNoEvidenceAndNeverInDoubt(t *testing.T) {
	t.Parallel()
	p := mustCompile(t, Field{Name: "n", Type: TypeNumber})
	b := columnOf("1,234", "1.234", "0.5")
	b.Kinds = []tabular.Kind{tabular.Text, tabular.Number, tabular.Number}
	p.Survey(b)
	require.Equal(t, "no value tells decimals from thousands: 1,234 in row 2 could be either", p.Decide()[0].Reason)
	require.NoError(t, p.Apply(b))
	require.Equal(t, "1,234 1.234 0.5", join(b))
	require.Len(t, b.Errors, 1)
}

func TestACellThatATransformationChangedIsTextAgain(t *testing.T) {
	t.Parallel()
	f := Field{Name: "n", Type: TypeNumber, Decimal: ",", Transformations: []Transformation{{Type: "replace", Find: ".", Replace: ","}}}
	b := columnOf("1.5")
	b.Kinds = []tabular.Kind{tabular.Number}
	require.NoError(t, mustCompile(t, f).Apply(b))
	require.Equal(t, "1.5", join(b), "1,5 is read by the column's mark")
	require.Empty(t, b.Errors)
}

func TestNumbersOfJSONAreNoSerialNumbers(t *testing.T) {
	t.Parallel()
	p, err := Compile([]Field{{Name: "when", Type: TypeDate}}, Config{PlainNumbers: true})
	require.NoError(t, err)
	b := columnOf("45351", "20240229")
	b.Kinds = []tabular.Kind{tabular.Number, tabular.Number}
	require.NoError(t, p.Apply(b))
	require.Len(t, b.Errors, 1)
	require.Equal(t, "45351 2024-02-29", join(b))
}

func TestFitsTellsWhichValuesAFieldTakes(t *testing.T) {
	t.Parallel()
	p := mustCompile(t,
		Field{Name: "email", Type: TypeEmail, Transformations: []Transformation{{Type: "trim"}}, Validators: []Validator{{Type: "required"}, {Type: "max_length", Value: 3}}},
		Field{Name: "when", Type: TypeDate},
		Field{Name: "code", Type: TypeCustomRegex, Validators: []Validator{{Type: "regex", Pattern: `^\d+$`}}},
	)
	require.True(t, p.Fits(0, []byte(" ada@example.com "), tabular.Text), "validators are left aside")
	require.False(t, p.Fits(0, []byte("ada"), tabular.Text))
	require.True(t, p.Fits(0, nil, tabular.Text))
	require.True(t, p.Fits(2, []byte("123"), tabular.Text))
	require.False(t, p.Fits(2, []byte("abc"), tabular.Text), "a custom_regex is its pattern")
	require.True(t, p.Fits(1, []byte("03/04/2024"), tabular.Text), "what can be read in two ways fits")
	require.False(t, p.Fits(1, []byte("45351"), tabular.Text))
	require.True(t, p.Fits(1, []byte("45351"), tabular.Number))
	require.False(t, p.Fits(1, []byte("#REF!"), tabular.Failed))
	require.NoError(t, p.Apply(&tabular.Batch{Cols: 3}), "asking leaves no trace")
}

func TestFieldsComeBackInTheOrderOfTheColumns(t *testing.T) {
	t.Parallel()
	fields := mixedFields()
	require.Equal(t, fields, mustCompile(t, fields...).Fields())
}

//nolint:paralleltest // testing.AllocsPerRun counts those of the whole process
func TestTheGoodPathAllocatesNothingACell(t *testing.T) {
	p := mustCompile(t, mixedFields()...)
	source, b := mixedBatch(500), mixedBatch(500)
	for i := range source.Cells { // not one cell canonical
		source.Cells[i] = append([]byte(" "), source.Cells[i]...)
	}
	for r := range source.Len() {
		source.Row(r)[5] = []byte("+42")
		source.Row(r)[6] = []byte("1,234,567.00")
		source.Row(r)[7] = []byte("29 Feb 1996")
	}
	allocs := testing.AllocsPerRun(20, func() {
		copy(b.Cells, source.Cells)
		require.NoError(t, p.Apply(b))
	})
	require.Empty(t, b.Errors)
	require.LessOrEqual(t, allocs, 3.0, "the batch's memory, not a cell's")
}
