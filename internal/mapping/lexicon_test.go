package mapping

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLexiconIsWellFormed(t *testing.T) {
	t.Parallel()
	l := words()
	section, meanings := "", map[string]string{}
	for line := range strings.Lines(lexiconText) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if line[0] == '[' {
			section = line
			continue
		}
		left, right, colon := strings.Cut(line, ":")
		parts := strings.Fields(left)
		require.Equal(t, section == "[words]" || section == "[merge]", colon, line)
		switch section {
		case "[words]":
			for name := range strings.SplitSeq(right, ",") {
				key := strings.Join(split(name), " ")
				require.NotEmpty(t, key, line)
				if before, twice := meanings[key]; twice {
					require.Equal(t, before, left, "%q has two meanings", key)
				}
				meanings[key] = left
			}
		case "[light]":
			require.Len(t, parts, 4, line)
			requireNumbers(t, parts[1:])
		case "[near]":
			require.Len(t, parts, 3, line)
			requireNumbers(t, parts[2:])
		case "[merge]", "[apart]", "[moment]", "[stop]":
		default:
			require.Fail(t, "unknown section", section)
		}
	}
	known := map[*term]bool{}
	for _, terms := range l.phrases {
		for _, term := range terms {
			known[term] = true
		}
	}
	for _, term := range l.terms {
		require.True(t, known[term] || term.number, "%q has no names", term.name)
		for _, m := range term.merges {
			require.NotEqual(t, tidy(slices.Clone(m.from)), tidy(slices.Clone(m.to)), "a merge comes to an end")
			require.LessOrEqual(t, len(m.to), len(m.from), "a merge says no more than before")
		}
	}
}

func requireNumbers(t *testing.T, words []string) {
	t.Helper()
	for _, w := range words {
		n, err := strconv.ParseFloat(w, 64)
		require.NoError(t, err)
		require.GreaterOrEqual(t, n, 0.0)
		require.LessOrEqual(t, n, 1.0)
	}
}
