package tabular

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheHeaderIsFoundBelowAPreamble(t *testing.T) {
	t.Parallel()
	body := "Ada,36,London\nBob,40,Paris\n"
	cases := map[string]struct {
		text string
		want int
	}{
		"no preamble":                        {"name,age,city\n" + body, 1},
		"a title":                            {"Customers\nname,age,city\n" + body, 2},
		"a title in a full row":              {"Customers,,\nname,age,city\n" + body, 2},
		"a title and a blank line":           {"Customers\n\nname,age,city\n" + body, 3},
		"empty rows":                         {",,\n,,\nname,age,city\n" + body, 3},
		"comments":                           {"# a\n# b, c\nname,age,city\n" + body, 3},
		"a header that begins with a hash":   {"#,age,city\n" + body, 1},
		"names and values above the table":   {"Account:;12345\nPeriod:;May 2024\n" + "a;b;c;d;e;f\n" + "1;2;3;4;5;6\n", 3},
		"a title, two columns":               {"Customers\nname,age\nAda,36\n", 2},
		"two columns, the second nameless":   {"name,\nAda,36\n", 1},
		"years as names":                     {"Report\ncountry,2023,2024\nFR,1,2\n", 2},
		"a narrow header":                    {"name\n1,2\n3,4\n", 1},
		"a narrow header over text":          {"name\nAda,36\nBob,40\n", 1},
		"rows shorter than the header":       {"name,age,city\nAda\nBob\n", 1},
		"a sparse header":                    {"name,,,\nAda,1,2,3\nBob,4,5,6\n", 1},
		"one column":                         {"name\nAda\nBob\n", 1},
		"one column that begins with a hash": {"# of units\n5\n", 1},
		"one row":                            {"name,age", 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, readAll(t, c.text, Options{}).info.HeaderRow)
		})
	}
}

func TestAHeaderThatLooksLikeDataIsReported(t *testing.T) {
	t.Parallel()
	const says = "row 1 was taken as the header, but looks like data: put column names above it"
	for text, want := range map[string]bool{
		"Alice,1\nBob,2\n": true,
		"1,2,3\n4,5,6\n":   true,
		"2015-01-12,x,$-3.50\n2015-02-12,y,$4.00\n":          true,
		"ada@example.com,x\nbob@example.com,y\n":             true,
		"name,age\nBob,2\n":                                  false,
		"country,2023,2024\nFR,1,2\n":                        false,
		"id,10001,10002\n7,1,2\n":                            false,
		"name,city\nBob,Paris\n":                             false,
		"name,age\n":                                         false,
		"a,b\n" + strings.Repeat("x,y\n", 30) + "1,2\n1,2\n": false,
	} {
		warnings := readAll(t, text, Options{}).info.Warnings
		if want {
			require.Contains(t, warnings, says, text)
		} else {
			require.NotContains(t, warnings, says, text)
		}
	}
}
