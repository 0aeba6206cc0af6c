package exporter

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/catalog"
	"wharf/internal/pgcodec"
)

// TestRowOutOfItsOrderBreaksTheDocument has the writer meet what no statement should give it.
func TestRowOutOfItsOrderBreaksTheDocument(t *testing.T) {
	t.Parallel()
	empty := func(n uint32) [][]byte { return [][]byte{binary.BigEndian.AppendUint32(nil, n), {0, 0, 0, 0}} }
	leaf := func(path ...int) node { return node{planned: planned{Table: &catalog.Table{}}, path: path} }
	nodes := []node{leaf(0), leaf(0, 1), leaf(0, 1, 2), leaf(0, 3), leaf(0, 4)}
	nodes[0].inside, nodes[1].inside, nodes[3].place, nodes[4].place = []string{`,"a":[`, `,"b":[`, `,"c":[`}, []string{`,"aa":[`}, 1, 2
	for name, c := range map[string]struct {
		order []uint32
		want  string // "": an error
	}{
		"nothing":                      {nil, ``},
		"each in its place":            {[]uint32{0, 1, 2, 2, 1, 3, 4, 0}, "\n{,\"a\":[{,\"aa\":[{},{}]},{,\"aa\":[]}],\"b\":[{}],\"c\":[{}]},\n{,\"a\":[],\"b\":[],\"c\":[]}"},
		"an array left out":            {[]uint32{0, 4}, "\n{,\"a\":[],\"b\":[],\"c\":[{}]}"},
		"before its parent":            {[]uint32{1, 0}, ""},
		"without its parent":           {[]uint32{0, 2}, ""},
		"behind its parent's siblings": {[]uint32{0, 1, 3, 2}, ""},
		"behind an array that ended":   {[]uint32{0, 3, 1}, ""},
		"of no table":                  {[]uint32{0, 5}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &treeWriter{nodes: nodes, rows: map[string]int64{}}
			var got []byte
			var err error
			for _, n := range c.order {
				if got, err = w.add(got, empty(n)); err != nil {
					break
				}
			}
			if c.want == "" && c.order != nil {
				require.ErrorIs(t, err, errOrder)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, string(w.finish(got)))
		})
	}
}

func TestRecordThatIsCutShortIsCorrupt(t *testing.T) {
	t.Parallel()
	whole := []byte{0, 0, 0, 2, 0, 0, 0, 25, 0, 0, 0, 1, 'a', 0, 0, 0, 25, 0xff, 0xff, 0xff, 0xff}
	raw, err := fields(nil, whole)
	require.NoError(t, err)
	require.Equal(t, [][]byte{[]byte("a"), nil}, raw)
	for n := 4; n < len(whole); n++ {
		_, err := fields(nil, whole[:n])
		require.ErrorIs(t, err, pgcodec.ErrCorrupt, n)
	}
}
