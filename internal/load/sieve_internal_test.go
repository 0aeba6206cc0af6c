package load

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestNoRepeatedKeyPassesTheSieve(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := newSieve([]sieved{{cols: []int{0}}, {cols: []int{1}, fold: true}, {cols: []int{0, 1}}})
		seen := map[string]bool{}
		for range rapid.IntRange(0, 20).Draw(t, "rows") {
			a, b := rapid.SampledFrom([]string{"", "x", "X", "xy", "é"}).Draw(t, "a"), rapid.SampledFrom([]string{"", "x", "X", "y", "É", "é"}).Draw(t, "b")
			folded := map[string]string{"X": "x", "É": "é"}[b]
			if folded == "" {
				folded = b
			}
			keys := map[string]bool{"a" + a: a != "", "b" + folded: b != "", "c" + a + "|" + b: a != "" && b != ""}
			repeated := false
			for key, filled := range keys {
				repeated = repeated || filled && seen[key]
				seen[key] = filled || seen[key]
			}
			if again := s.row([][]byte{[]byte(a), []byte(b)}); repeated {
				require.True(t, again, "%s %s", a, b)
			}
		}
	})
}

func TestTheSieveSuspectsFewFilesForNothing(t *testing.T) {
	t.Parallel()
	s := newSieve([]sieved{{cols: []int{0}}, {cols: []int{1, 0}}})
	suspected := 0
	for n := range 200_000 {
		if s.row([][]byte{fmt.Appendf(nil, "EXT-%09d", n), []byte("x")}) {
			suspected++
		}
	}
	require.Zero(t, suspected)
	require.False(t, s.row([][]byte{nil, []byte("x")}), "a blank key repeats none")
	require.True(t, s.row([][]byte{[]byte("EXT-000000007"), nil}))
}

func TestMoreKeysThanTheSieveTellsApartAreAllSuspected(t *testing.T) {
	t.Parallel()
	s := newSieve([]sieved{{cols: []int{0}}})
	var key []byte
	for n := range mostKeys + 2 {
		key = strconv.AppendInt(key[:0], int64(n), 10)
		s.row([][]byte{key})
	}
	require.True(t, s.row([][]byte{[]byte("7")}))
	require.True(t, s.row([][]byte{[]byte("another")}))
	require.Nil(t, s.bits, "the memory is given back")
}

func BenchmarkSieve(b *testing.B) {
	s := newSieve([]sieved{{cols: []int{0}}})
	cells := [][]byte{nil}
	n := 0
	for b.Loop() {
		cells[0] = fmt.Appendf(cells[0][:0], "EXT-%09d", n)
		s.row(cells)
		n++
	}
}
