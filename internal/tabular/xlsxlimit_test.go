package tabular

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
)

// openings counts how often a stored file is opened, as each costs a request.
type openings struct {
	memory
	n *atomic.Int64
}

func (o openings) Open(ctx context.Context, offset int64) (io.ReadCloser, error) {
	o.n.Add(1)
	return o.memory.Open(ctx, offset)
}

// noise is text that does not compress.
func noise(n int) string {
	r := rand.New(rand.NewPCG(3, 4))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('a' + r.IntN(26))
	}
	return string(b)
}

func TestXLSXReadsTheStoredFileInFewRequests(t *testing.T) {
	t.Parallel()
	var large strings.Builder
	large.WriteString(oneRow)
	texts := noise(9000 * 600)
	for i := range 9000 {
		large.WriteString(`<row><c t="str"><v>` + texts[i*600:(i+1)*600] + `</v></c></row>`)
	}
	b := rows(large.String())
	b.shared, b.styles = `<si><t>`+noise(200_000)+`</t></si>`, "<cellXfs/>"
	b.parts = map[string]string{"xl/media/picture.png": noise(9 << 20)}
	for name, c := range map[string]struct {
		data []byte
		most int64
	}{"small": {inlineBook(1000), 1}, "large": {b.bytes(), 16}} {
		var n atomic.Int64
		got, err := tryRead(t.Context(), openings{memory{data: c.data}, &n}, Options{})
		require.NoError(t, err, name)
		require.NotEmpty(t, got.rows)
		require.LessOrEqual(t, n.Load(), c.most, name)
	}
}

// A zip bomb is stopped by the ratio, in the sheet, in the texts, and where one text is given again and again.
func TestXLSXBombs(t *testing.T) {
	t.Parallel()
	blanks := strings.Repeat(" ", 20<<20)
	cells := strings.Repeat(`<row>`+strings.Repeat(`<c t="s"><v>0</v></c>`, 10)+`</row>`, 20_000)
	bomb := func(rows_, shared string) []byte {
		b := rows(oneRow + rows_)
		b.shared = shared
		return b.bytes()
	}
	for name, data := range map[string][]byte{
		"sheet":  bomb(blanks, ""),
		"texts":  bomb("", "<si><t>a</t></si>"+blanks),
		"styles": func() []byte { b := rows(oneRow); b.styles = blanks; return b.bytes() }(),
		"cells":  bomb(cells, "<si><t>"+noise(9000)+"</t></si>"),
		"packed": gzipped(bomb(blanks, "")),
	} {
		_, err := failure(t, string(data), Options{})
		require.Equal(t, fault.TooLarge, fault.CodeOf(err), name)
		require.Contains(t, err.Error(), `(limit "ratio": 200)`, name)
	}
}

func TestXLSXRowTooLarge(t *testing.T) {
	t.Parallel()
	b := rows(oneRow + `<row>` + strings.Repeat(`<c t="s"><v>0</v></c>`, 200) + `</row>`)
	b.shared = "<si><t>" + noise(100_000) + "</t></si>"
	_, err := failure(t, string(b.bytes()), Options{Limits: Limits{Ratio: 1 << 30}})
	require.Equal(t, fault.TooLarge, fault.CodeOf(err))
	require.Contains(t, err.Error(), `row 3 is too large (limit "row bytes": 16777216)`)
}

// Half a million different texts take a bounded part of memory: what does not fit is in a temporary file.
func TestSharedTextsBeyondTheBound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := &sharedTexts{most: 64 << 10, dir: dir}
	text := func(i int) string { return fmt.Sprintf("text %d %s", i, strings.Repeat("é", i%97)) }
	const n = 50_000
	for i := range n {
		require.NoError(t, s.add([]byte(text(i)), textFlaws(i%4)))
	}
	require.NoError(t, s.finish())
	require.True(t, s.spilled)
	r := rand.New(rand.NewPCG(5, 6))
	var scratch []byte
	for i := range 2 * n {
		if i >= n {
			i = r.IntN(n)
		}
		got, flaws, rest, err := s.get(scratch[:0], i)
		require.NoError(t, err)
		require.Equal(t, text(i), string(got))
		require.Equal(t, textFlaws(i%4), flaws)
		scratch = rest
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left, "a temporary file has no name that could be left")
	s.close()
	s.close()
	_, _, _, err = s.get(nil, 0)
	require.Error(t, err)
}

// What was opened is closed again, whatever goes wrong.
func TestXLSXLeavesNoFileOpen(t *testing.T) {
	t.Parallel()
	data := sharedBook(3000)
	var b Batch
	for _, size := range []int{64, windowBytes} {
		for _, opts := range []Options{{}, {Sheet: "nope"}, {HeaderRow: 9999}, {Limits: Limits{Rows: 5}}, {Limits: Limits{Columns: 1}}} {
			for _, d := range [][]byte{data, gzipped(data), data[:len(data)-2000]} {
				r, err := openWithWindow(t.Context(), string(d), opts, size)
				if err == nil {
					_ = r.Next(&b)
					require.NoError(t, r.Close())
					require.NoError(t, r.Close())
				}
			}
		}
	}
}

// Memory is bounded by configuration, not by the file.
func TestXLSXMemory(t *testing.T) { //nolint:paralleltest // it measures the process
	measure := func(n int) uint64 {
		data := sharedBook(n)
		runtime.GC()
		var before, now runtime.MemStats
		runtime.ReadMemStats(&before)
		r, err := openWithWindow(t.Context(), string(data), Options{}, 32<<10)
		require.NoError(t, err)
		most := uint64(0)
		var b Batch
		for i := 0; r.Next(&b) == nil; i++ {
			if i%50 == 0 {
				runtime.GC()
				runtime.ReadMemStats(&now)
				most = max(most, now.HeapAlloc-min(before.HeapAlloc, now.HeapAlloc))
			}
		}
		require.NoError(t, r.Close())
		require.True(t, bytes.HasPrefix(data, []byte("PK")))
		return most
	}
	small, large := measure(5_000), measure(200_000)
	require.Less(t, large, small+8<<20)
}
