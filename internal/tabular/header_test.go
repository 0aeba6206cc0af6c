package tabular

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestColumnNames(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ cells, want []string }{
		"as they are":                        {[]string{"id", "Full name"}, []string{"id", "Full name"}},
		"trimmed":                            {[]string{"  id\t", "\u00a0name\u3000", "\ufeffx\u200b"}, []string{"id", "name", "x"}},
		"blank ones get their letter":        {[]string{"", "b", "  "}, []string{"A", "b", "C"}},
		"duplicates are told apart":          {[]string{"Name", "Name", "Name"}, []string{"Name", "Name (2)", "Name (3)"}},
		"a suffix that is taken":             {[]string{"Name", "Name", "Name (2)"}, []string{"Name", "Name (3)", "Name (2)"}},
		"a letter that is taken":             {[]string{"id", "", "B"}, []string{"id", "B (2)", "B"}},
		"case matters":                       {[]string{"name", "Name"}, []string{"name", "Name"}},
		"line breaks become one space":       {[]string{"Ben \nAshley", "a\r\n\r\nb", "x\v\f y"}, []string{"Ben Ashley", "a b", "x y"}},
		"other white space stays":            {[]string{"a  b", "a \u00a0b\nc"}, []string{"a  b", "a \u00a0b c"}},
		"NUL goes, wrong bytes are replaced": {[]string{"a\x00b", "c\xff"}, []string{"ab", "c\uFFFD"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, _ := columnNames(c.cells)
			require.Equal(t, c.want, got)
		})
	}
}

func TestColumnNamesAreUniqueAndNeverBlank(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cells := rapid.SliceOf(rapid.SampledFrom([]string{"", " ", "A", "B", "A (2)", "B (2)", "x", "x\ny", "x y"})).Draw(t, "cells")
		names, _ := columnNames(cells)
		require.Len(t, names, len(cells))
		seen := map[string]bool{}
		for _, n := range names {
			require.NotEmpty(t, strings.TrimSpace(n))
			require.False(t, seen[n], n)
			seen[n] = true
		}
	})
}

func TestChangedNamesAreReported(t *testing.T) {
	t.Parallel()
	_, warnings := columnNames([]string{"Name", "", "Name"})
	require.Equal(t, []string{
		"column B has no header: its letter is its name",
		`column C is called "Name" like one before it: it is told apart as "Name (2)"`,
	}, warnings)

	_, warnings = columnNames(make([]string, 10_000))
	require.Len(t, warnings, mostWarnings+1)
	require.Equal(t, fmt.Sprintf("… and %d more of this kind", 10_000-mostWarnings), warnings[mostWarnings])
}

func TestColumnLetters(t *testing.T) {
	t.Parallel()
	for i, want := range map[int]string{0: "A", 25: "Z", 26: "AA", 51: "AZ", 52: "BA", 701: "ZZ", 702: "AAA", 16383: "XFD"} {
		require.Equal(t, want, columnLetter(i))
	}
}
