package mapping

import (
	"maps"
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
	for _, m := range l.merges {
		require.NotEqual(t, slices.Sorted(slices.Values(m.from)), slices.Sorted(slices.Values(m.to)), "a merge must come to an end")
		require.LessOrEqual(t, len(m.to), len(m.from), "a merge says no more than before")
	}
	known := map[string]bool{}
	for _, terms := range l.phrases {
		for _, term := range terms {
			known[term] = true
		}
	}
	for _, m := range l.merges {
		for _, term := range append(m.from, m.to...) {
			known[term] = known[term] || slices.Contains(m.to, term)
			require.True(t, known[term], "merged %q has no names", term)
		}
	}
	for _, term := range slices.Concat(slices.Collect(maps.Keys(l.light)), slices.Collect(maps.Keys(l.near)), slices.Collect(maps.Keys(l.moment))) {
		require.True(t, known[term] || isNumber(term), "%q has no names", term)
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
