package mapping

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// bestWorth tries every assignment of the fields from f on.
func bestWorth(f, fields int, worth map[[2]int]float64, columns int, taken []bool) float64 {
	if f == fields {
		return 0
	}
	most := bestWorth(f+1, fields, worth, columns, taken)
	for c := range columns {
		if w := worth[[2]int{f, c}]; w > 0 && !taken[c] {
			taken[c] = true
			most = max(most, w+bestWorth(f+1, fields, worth, columns, taken))
			taken[c] = false
		}
	}
	return most
}

func TestAssignFindsTheGreatestTotal(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		fields, columns := rapid.IntRange(1, 5).Draw(t, "fields"), rapid.IntRange(1, 7).Draw(t, "columns")
		worth := map[[2]int]float64{}
		var pairs []pair
		for f := range fields {
			for c := range columns {
				if w := rapid.IntRange(0, 9).Draw(t, "worth"); w > 0 {
					worth[[2]int{f, c}] = float64(w)
					pairs = append(pairs, pair{f, c, float64(w)})
				}
			}
		}
		total, seen := 0.0, map[int]bool{}
		for f, c := range assign(fields, pairs) {
			if c < 0 {
				continue
			}
			require.False(t, seen[c], "a column goes into one field")
			seen[c] = true
			require.Positive(t, worth[[2]int{f, c}], "only pairs are taken")
			total += worth[[2]int{f, c}]
		}
		require.InDelta(t, bestWorth(0, fields, worth, columns, make([]bool, columns)), total, 1e-9)
	})
}

func TestAssignMovesAnotherAside(t *testing.T) {
	t.Parallel()
	require.Equal(t, []int{1, 0}, assign(2, []pair{{0, 0, 5}, {0, 1, 4}, {1, 0, 3}}))
	require.Equal(t, []int{0, -1}, assign(2, []pair{{0, 0, 5}, {0, 1, 1}, {1, 0, 3}}))
	require.Equal(t, []int{-1, -1, -1}, assign(3, nil))
}
