package rowprogram

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/tabular"
)

// mixedFields are ten fields of mixed types, with a trim and one or two validators each.
func mixedFields() []Field {
	trim := []Transformation{{Type: "trim"}}
	required := Validator{Type: "required"}
	return []Field{
		{Name: "external_id", Type: TypeText, Transformations: trim, Validators: []Validator{required, {Type: "unique"}}},
		{Name: "first_name", Type: TypeText, Transformations: trim, Validators: []Validator{required, {Type: "max_length", Value: 80}}},
		{Name: "last_name", Type: TypeText, Transformations: trim, Validators: []Validator{{Type: "max_length", Value: 80}}},
		{Name: "email", Type: TypeEmail, Transformations: trim, Validators: []Validator{required, {Type: "max_length", Value: 254}}},
		{Name: "phone", Type: TypePhone, Transformations: trim, Validators: []Validator{{Type: "max_length", Value: 40}}},
		{Name: "age", Type: TypeNumber, Transformations: trim, Validators: []Validator{{Type: "min", Value: 18}, {Type: "max", Value: 120}}},
		{Name: "amount", Type: TypeNumber, Transformations: trim, Validators: []Validator{required, {Type: "min", Value: "0.01"}}},
		{Name: "born", Type: TypeDate, Transformations: trim, Validators: []Validator{{Type: "min", Value: "1900-01-01"}}},
		{Name: "newsletter", Type: TypeBoolean, Transformations: trim, Validators: []Validator{required}},
		{
			Name: "status", Type: TypeSelect, Transformations: trim, Validators: []Validator{required},
			Options: []string{"Lead", "Customer", "Former Customer"},
		},
	}
}

// mixedBatch is rows of a clean file for mixedFields.
func mixedBatch(rows int) *tabular.Batch {
	b := &tabular.Batch{Cols: 10}
	for r := range rows {
		b.Lines = append(b.Lines, int64(r+2))
		for _, cell := range []string{
			fmt.Sprintf("EXT-%07d", r), "Maximilian", "Müller-Lüdenscheidt " + []string{"", " "}[r%2], fmt.Sprintf("max.%d@example.com", r),
			fmt.Sprintf("(650) 253-%04d", r%10_000), fmt.Sprint(18 + r%90), fmt.Sprintf("%d.%02d", r+1, r%100),
			fmt.Sprintf("19%02d-%02d-%02d", r%100, r%12+1, r%28+1), []string{"yes", "No", "true", "0"}[r%4],
			[]string{"Lead", "customer", "Former Customer"}[r%3],
		} {
			b.Cells = append(b.Cells, []byte(cell))
		}
	}
	return b
}

func mustCompile(t testing.TB, fields ...Field) *Program {
	t.Helper()
	p, err := Compile(fields, Config{})
	require.NoError(t, err)
	return p
}

// BenchmarkApplyMixed measures a clean file; one operation is a batch of 1,000 rows × 10 fields.
func BenchmarkApplyMixed(b *testing.B) {
	p := mustCompile(b, mixedFields()...)
	source := mixedBatch(1000)
	batch := mixedBatch(1000)
	b.ReportAllocs()
	for b.Loop() {
		copy(batch.Cells, source.Cells)
		require.NoError(b, p.Apply(batch))
	}
	require.Empty(b, batch.Errors)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10_000, "ns/cell")
}

// BenchmarkApplyColumn measures one field a time; one operation is 1,000 cells.
func BenchmarkApplyColumn(b *testing.B) {
	for c, f := range mixedFields() {
		b.Run(f.Type+"/"+f.Name, func(b *testing.B) {
			p := mustCompile(b, f)
			source := mixedBatch(1000)
			column := &tabular.Batch{}
			source.Project(column, []int{c})
			cells := append([][]byte(nil), column.Cells...)
			b.ReportAllocs()
			for b.Loop() {
				copy(column.Cells, cells)
				require.NoError(b, p.Apply(column))
			}
			require.Empty(b, column.Errors)
		})
	}
}

// BenchmarkApplySpelling measures what is not canonical yet; one operation is 1,000 cells.
func BenchmarkApplySpelling(b *testing.B) {
	transformed := func(kind string) Field {
		return Field{Type: TypeText, Transformations: []Transformation{{Type: kind}}}
	}
	for _, bench := range []struct {
		name  string
		field Field
		cell  func(i int) string
	}{
		{"number/grouped", Field{Type: TypeNumber}, func(i int) string { return fmt.Sprintf("1,%03d,%03d.50", i, i) }},
		{"number/comma", Field{Type: TypeNumber, Decimal: ","}, func(i int) string { return fmt.Sprintf("%d,95", i) }},
		{"number/three decimals", Field{Type: TypeNumber}, func(i int) string { return fmt.Sprintf("%d.%03d", i%99+1, i) }},
		{"date/slashes", Field{Type: TypeDate, DateOrder: "mdy"}, func(i int) string { return fmt.Sprintf("%02d/%02d/2024", i%12+1, i%28+1) }},
		{"date/names", Field{Type: TypeDate}, func(i int) string { return fmt.Sprintf("Feb %d, 2024", i%28+1) }},
		{"date/times", Field{Type: TypeDate}, func(i int) string { return fmt.Sprintf("2024-02-%02dT13:45:%02dZ", i%28+1, i%60) }},
		{"lowercase/ascii", transformed("lowercase"), func(i int) string { return fmt.Sprintf("Ada%d@Example.com", i) }},
		{"lowercase/unicode", transformed("lowercase"), func(i int) string { return fmt.Sprintf("Müller%d ÄÖÜ", i) }},
		{"capitalize", transformed("capitalize"), func(i int) string { return fmt.Sprintf("ada lovelace %d", i) }},
		{"normalize_phone/US", transformed("normalize_phone"), func(i int) string { return fmt.Sprintf("650253%04d", i) }},
		{"normalize_phone/GB", transformed("normalize_phone"), func(i int) string { return fmt.Sprintf("+44 20 7946 %04d", i) }},
		{"regex", Field{Type: TypeCustomRegex, Validators: []Validator{{Type: "regex", Pattern: `^[A-Z]{3}-\d{4}$`}}}, func(i int) string { return fmt.Sprintf("ABC-%04d", i) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			bench.field.Name = "value"
			p := mustCompile(b, bench.field)
			var cells []string
			for i := range 1000 {
				cells = append(cells, bench.cell(i))
			}
			source := columnOf(cells...)
			batch := columnOf(cells...)
			b.ReportAllocs()
			for b.Loop() {
				copy(batch.Cells, source.Cells)
				require.NoError(b, p.Apply(batch))
			}
			require.Empty(b, batch.Errors)
		})
	}
}
