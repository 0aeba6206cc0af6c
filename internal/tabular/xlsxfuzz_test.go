package tabular

import (
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
)

// FuzzXLSX reads any rows, shared texts and styles, at once and a little at a time: both give the same table, or both fail.
func FuzzXLSX(f *testing.F) {
	f.Add(`<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="inlineStr"><is><t>b</t></is></c></row><row r="3"><c s="1"><v>45350.5</v></c></row>`,
		sharedTests, testStyles, uint8(10))
	f.Add(`<row><c t="e"><v>#N/A</v></c><c><f>A1</f></c><c t="b"><v>1</v></c></row><row r="231999999999940"/>`, "<si/>", "", uint8(99))
	f.Add(`<x:row><x:c t="d"><x:v>2024-02-28T00:00:00Z</x:v></x:c><!--x--><c><v><![CDATA[x]]></v></c></x:row>`, "<si><r><t>a</t></r></si>", "", uint8(0))
	f.Add(`<row><c r="XFD1"><v>1E+300</v></c><c r="A1" t="str"><v>&#0;_xD800_</v></c></row><row r="2"><c r="A2" s="5"><v>7</v></c></row>`, "", testStyles, uint8(7))
	f.Fuzz(func(t *testing.T, xml, shared, styles string, size uint8) {
		b := rows(xml)
		b.shared, b.styles = shared, styles
		data := b.bytes()
		want, wantErr := requireSoundBook(t, data, windowBytes)
		got, gotErr := requireSoundBook(t, data, max(16, int(size)))
		if wantErr == nil && gotErr == nil {
			require.Equal(t, want, got)
		}
	})
}

// requireSoundBook is requireSound for a sheet, whose rows may be in any order.
func requireSoundBook(t *testing.T, data []byte, size int) (table, error) {
	t.Helper()
	r, err := openWithWindow(t.Context(), string(data), Options{Limits: fuzzLimits, HeaderRow: 1}, size)
	if err != nil {
		require.NotEqual(t, fault.Internal, fault.CodeOf(err), err)
		return table{}, err
	}
	got, err := collect(r)
	if err != nil {
		require.NotEqual(t, fault.Internal, fault.CodeOf(err), err)
	} else {
		require.EqualValues(t, len(data), r.BytesRead())
	}
	require.NoError(t, r.Close())
	require.LessOrEqual(t, len(r.Header()), fuzzLimits.Columns)
	numbers := map[int64]bool{}
	for i, line := range got.lines {
		require.False(t, numbers[line], "row %d twice", line)
		require.Len(t, got.kinds[i], len(r.Header()))
		numbers[line] = true
	}
	clear(got.lines)
	requireSoundRows(t, got)
	return got, err
}
