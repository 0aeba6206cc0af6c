package rowprogram

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/tabular"
)

func TestATransformationChangesTheCell(t *testing.T) {
	t.Parallel()
	replace := func(find, with string) Transformation {
		return Transformation{Type: "replace", Find: find, Replace: with}
	}
	regex := func(find, with string) Transformation {
		return Transformation{Type: "replace", Find: find, Replace: with, Regex: true}
	}
	for _, test := range []struct {
		transformation Transformation
		in, want       string
	}{
		{Transformation{Type: "trim"}, " \t\u00a0\u3000x y\ufeff\u200b\r\n", "x y"},
		{Transformation{Type: "trim"}, "x", "x"},
		{Transformation{Type: "uppercase"}, "abc Äöß ﬁ 1", "ABC ÄÖSS FI 1"},
		{Transformation{Type: "uppercase"}, "aZ-09_", "AZ-09_"},
		{Transformation{Type: "lowercase"}, "ABC ÄÖ ΟΔΟΣ 1", "abc äö οδος 1"},
		{Transformation{Type: "lowercase"}, "MiXeD@[", "mixed@["},
		{Transformation{Type: "capitalize"}, "jEAN-luc o'NEIL  don’t 3RD öSTER ǆ", "Jean-Luc O'neil  Don’t 3rd Öster ǅ"},
		{Transformation{Type: "capitalize"}, "Already Good", "Already Good"},
		{Transformation{Type: "remove_special_chars"}, "Smith & Sons, (Ltd.) №5_x", "Smith  Sons Ltd 5x"},
		{Transformation{Type: "remove_special_chars"}, "हिन्दी-日本語 ١٢٣!", "हिन्दी日本語 ١٢٣"},
		{Transformation{Type: "remove_special_chars"}, "cafe\u0301\n2", "cafe\u0301\n2"},
		{Transformation{Type: "normalize_phone"}, "6502530000", "(650) 253-0000"},
		{Transformation{Type: "normalize_phone"}, "+1 (555) 123-4567", "(555) 123-4567"},
		{Transformation{Type: "normalize_phone"}, "1.650.253.0000 x12", "(650) 253-0000 ext. 12"},
		{Transformation{Type: "normalize_phone"}, "416-555-0123", "+1 416-555-0123"},
		{Transformation{Type: "normalize_phone"}, "+442079460958", "+44 20 7946 0958"},
		{Transformation{Type: "normalize_phone"}, " ask Bob ", " ask Bob "},
		{Transformation{Type: "normalize_date"}, "Feb 29, 2024", "2024-02-29"},
		{Transformation{Type: "normalize_date", Format: "DD.MM.YYYY HH:mm:ss"}, "2024-02-29T13:45:07Z", "29.02.2024 13:45:07"},
		{Transformation{Type: "normalize_date", Format: "YYYYMMDDTHHmm"}, "29 Feb 2024", "20240229T0000"},
		{Transformation{Type: "normalize_date"}, "someday", "someday"},
		{Transformation{Type: "normalize_date"}, "2024-02-30", "2024-02-30"},
		{Transformation{Type: "default", Value: "n/a"}, " ", "n/a"},
		{Transformation{Type: "default", Value: "n/a"}, "x", "x"},
		{replace("a", "bb"), "banana", "bbbnbbnbb"},
		{replace("an", ""), "banana", "ba"},
		{replace("$1", "x"), "a$1", "ax"},
		{replace(".", ","), "1.5", "1,5"},
		{replace("x", "y"), "none", "none"},
		{regex(`(\d+)-(\d+)`, "$2$1x"), "a12-34b", "a3412xb"},
		{regex(`(?P<last>\w+), (?P<first>\w+)`, "${first} ${last}"), "Lovelace, Ada", "Ada Lovelace"},
		{regex(`\s+`, " "), "a  b\t\nc", "a b c"},
		{regex(`^`, "+"), "49", "+49"},
		{regex(`\d`, "[$&]"), "a1b2", "a[1]b[2]"},
		{regex(`(a)`, "$10 $$ $ ${1}"), "a", "a0 $ $ a"},
		{regex(`x*`, "-"), "abc", "-a-b-c-"},
		{regex(`(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)`, "$10$1"), "abcdefghij", "ja"},
		{regex(`(a)`, "${1}${"), "a", "a${"},
		{regex(`(a)|(b)`, "<$1$2>"), "ab", "<a><b>"},
	} {
		f := Field{Name: "value", Type: TypeText, Transformations: []Transformation{test.transformation}}
		b := columnOf(test.in)
		require.NoError(t, mustCompile(t, f).Apply(b))
		require.Empty(t, b.Errors)
		require.Equal(t, test.want, string(b.Cells[0]), "%+v of %q", test.transformation, test.in)
	}
}

func TestTransformationsRunInTheListedOrderBeforeTheCheck(t *testing.T) {
	t.Parallel()
	email := Field{Name: "email", Type: TypeEmail, Validators: []Validator{{Type: "required"}}}
	require.NotEmpty(t, messages(t, email, " Ada@Example.com ")[0])

	email.Transformations = []Transformation{{Type: "trim"}, {Type: "lowercase"}, {Type: "default", Value: "nobody@example.com"}}
	b := columnOf(" Ada@Example.com ", " ", "")
	require.NoError(t, mustCompile(t, email).Apply(b))
	require.Empty(t, b.Errors, "trim makes an address valid, a default satisfies required")
	require.Equal(t, "ada@example.com nobody@example.com nobody@example.com", join(b))

	status := Field{Name: "status", Type: TypeText, Transformations: []Transformation{
		{Type: "remove_special_chars"}, {Type: "default", Value: "unknown"}, {Type: "uppercase"},
	}}
	b = columnOf("--", "ok!")
	require.NoError(t, mustCompile(t, status).Apply(b))
	require.Equal(t, "UNKNOWN OK", join(b))
}

func join(b *tabular.Batch) string {
	parts := make([]string, len(b.Cells))
	for i, cell := range b.Cells {
		parts[i] = string(cell)
	}
	return strings.Join(parts, " ")
}

func TestADefaultMeansTheSameInEveryFile(t *testing.T) {
	t.Parallel()
	f := Field{Name: "rate", Type: TypeNumber, Transformations: []Transformation{{Type: "default", Value: "1.125"}}}
	b, _ := run(t, mustCompile(t, f), func() *tabular.Batch { return columnOf("12,5", "", "1.000") })
	require.Empty(t, b.Errors)
	require.Equal(t, "12.5 1.125 1000", join(b), "the file's decimal comma does not reach the default")
}

func TestTextThatIsNotUTF8IsNeverMended(t *testing.T) {
	t.Parallel()
	for _, transformation := range []Transformation{
		{Type: "trim"},
		{Type: "uppercase"},
		{Type: "lowercase"},
		{Type: "capitalize"},
		{Type: "remove_special_chars"},
		{Type: "normalize_phone"},
		{Type: "normalize_date"},
		{Type: "replace", Find: "x", Replace: "é"},
		{Type: "replace", Find: "x", Replace: "é", Regex: true},
	} {
		f := Field{Type: TypeText, Transformations: []Transformation{transformation}}
		require.Equal(t, [][]string{{"Value holds bytes that are no text: say which encoding the file has"}}, messages(t, f, "xéX\xe9?"), transformation.Type)
	}
}

func TestAReplacementCannotGrowWithoutBound(t *testing.T) {
	t.Parallel()
	for _, isRegex := range []bool{false, true} {
		f := Field{Type: TypeText, Transformations: []Transformation{{Type: "replace", Find: "a", Replace: strings.Repeat("b", 2000), Regex: isRegex}}}
		got := messages(t, f, strings.Repeat("a", 1000), "a")
		require.Equal(t, [][]string{{"Value becomes longer than a cell may be (1 MiB)"}, nil}, got)
	}
}

func TestWhatIsPresentedOfATypedFieldIsApartFromItsValue(t *testing.T) {
	t.Parallel()
	p := mustCompile(t,
		Field{Name: "born", Type: TypeDate, Transformations: []Transformation{{Type: "normalize_date", Format: "DD/MM/YYYY"}, {Type: "default", Stage: "post", Value: "unknown"}}},
		Field{Name: "price", Type: TypeNumber, Transformations: []Transformation{{Type: "replace", Find: ".", Replace: ",", Stage: "post"}}},
		Field{Name: "code", Type: TypeText, Transformations: []Transformation{{Type: "uppercase", Stage: "post"}}, Validators: []Validator{{Type: "regex", Pattern: "^[a-z]+$"}}},
	)
	b := &tabular.Batch{Cols: 3, Lines: []int64{2, 3}, Cells: [][]byte{[]byte("Apr 3, 2024"), []byte("12.50"), []byte("abc"), nil, nil, nil}}
	require.NoError(t, p.Apply(b))
	require.Empty(t, b.Errors)
	require.Equal(t, "2024-04-03 12.50 ABC   ", join(b), "a text's post transformations change the value, after its validators")

	shown := func(row, column int) string { return string(p.AppendPresent(nil, column, b.Row(row)[column])) }
	require.Equal(t, "03/04/2024", shown(0, 0))
	require.Equal(t, "12,50", shown(0, 1))
	require.Equal(t, "ABC", shown(0, 2))
	require.Equal(t, "unknown", shown(1, 0))
	require.Equal(t, "", shown(1, 1))
	require.Equal(t, "a 03/04/2024", string(p.AppendPresent([]byte("a "), 0, []byte("2024-04-03"))))
	require.Equal(t, "whatever", string(p.AppendPresent(nil, 0, []byte("whatever"))), "what is no date stays")
}

func TestANormalizedDateThatCannotBeReadOneWayIsAnErrorOnAText(t *testing.T) {
	t.Parallel()
	f := Field{Name: "when", Type: TypeText, Transformations: []Transformation{{Type: "normalize_date"}}}
	b, _ := run(t, mustCompile(t, f), func() *tabular.Batch { return columnOf("03/04/2024", "unknown") })
	require.Len(t, b.Errors, 1)
	require.Equal(t, "normalize_date", b.Errors[0].Rule)
	f.DateOrder = "mdy"
	b, _ = run(t, mustCompile(t, f), func() *tabular.Batch { return columnOf("03/04/2024", "unknown") })
	require.Empty(t, b.Errors)
	require.Equal(t, "2024-03-04 unknown", join(b))
}
