package tabular

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheDelimiterIsFoundOverTheWholeHead(t *testing.T) {
	t.Parallel()
	repeat := func(header string, rows ...string) string {
		return header + "\n" + strings.Repeat(strings.Join(rows, "\n")+"\n", 40)
	}
	cases := map[string]struct {
		text string
		want string
	}{
		"commas":                            {"a,b\n1,2\n", ","},
		"semicolons":                        {"a;b\n1;2\n", ";"},
		"tabs":                              {"a\tb\n1\t2\n", "\t"},
		"pipes":                             {"a|b\n1|2\n", "|"},
		"one column":                        {"a\n1\n2\n", ","},
		"one column, a pipe here and there": {"tags\nx\ny\nx|y\nz\nw\nv\n", ","},
		"decimal commas":                    {repeat("price;size;tax", "1,5;2,5;3,5", "10,25;0,5;1,0"), ";"},
		"decimal commas below a title":      {"Prices\n" + repeat("price;size;tax", "1,5;2,5;3,5"), ";"},
		"addresses with commas":             {repeat("id;address", "1;Main St, 5, Berlin", "2;Side St, 6, Bonn"), ";"},
		"lists of pipes":                    {repeat("name,tags", "Ada,x|y|z", "Bob,p|q|r"), ","},
		"lists of semicolons in quotes":     {repeat("id,name,mails", `1,Ada,"a@x.example;b@x.example"`), ","},
		"all quoted, semicolons":            {repeat(`"a";"b";"c"`, `"1,0";"2,0";"x, y"`), ";"},
		"all quoted, commas, JSON inside":   {repeat(`"id","doc"`, `"1","{""a"": 1; ""b"": 2; ""c"": 3}"`), ","},
		"line breaks in quotes":             {repeat("id;note", "1;\"first, second\nthird, fourth\nfifth\"", "2;x"), ";"},
		"empty cells":                       {repeat("a;b;c;d", ";;;", "1;;;2"), ";"},
		"some ragged rows":                  {repeat("a,b,c,d", "1,2,3,4", "1,2,3", "1,2,3,4", "5,6,7,8") + "1,2;3\n", ","},
		"tabs with commas in text":          {repeat("id\tnote", "1\tred, green, blue", "2\tone, two, three"), "\t"},
		"an exclamation mark is none":       {"col1,col2!x,col3\n1,2!x,3\n", ","},
		"pipes in a tiny file":              {"a|b\n", "|"},
		"times and urls":                    {repeat("at;url", "12:30;https://a.example/?a=1&b=2", "12:31;https://a.example"), ";"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, readAll(t, c.text, Options{}).info.Delimiter)
		})
	}
}

func TestTheNameOfAFileDecidesOnlyWhereNothingElseDoes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"a\n1\n": "\t", "a,b\n1,2\n": ","} {
		got, err := tryRead(t.Context(), memory{name: "x.TSV", data: []byte(text)}, Options{})
		require.NoError(t, err)
		require.Equal(t, want, got.info.Delimiter)
	}
}

func TestASepLineIsObeyed(t *testing.T) {
	t.Parallel()
	for _, delim := range []string{",", ";", "\t", "|", "!", "^"} {
		got := readAll(t, fmt.Sprintf("SEP=%s\r\na%sb\r\n1%s2\r\n", delim, delim, delim), Options{})
		require.Equal(t, delim, got.info.Delimiter)
		require.Equal(t, []string{"a", "b"}, got.header)
		require.Equal(t, [][]string{{"1", "2"}}, got.rows)
	}
	require.Equal(t, []string{"sep=;x"}, readAll(t, "sep=;x\n1\n", Options{Delimiter: ","}).header)
}
