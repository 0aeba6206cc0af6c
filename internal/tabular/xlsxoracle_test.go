package tabular

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"
)

// Whatever excelize writes reads back, and as excelize itself reads it where it has the raw value.
func TestXLSXReadsWhatExcelizeWrites(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cols := rapid.IntRange(1, 6).Draw(t, "columns")
		sheet := [][]any{{}}
		for i := range cols {
			sheet[0] = append(sheet[0], "col "+strconv.Itoa(i))
		}
		for range rapid.IntRange(1, 12).Draw(t, "rows") {
			row := make([]any, cols)
			for c := range row {
				row[c] = drawValue(t)
			}
			sheet = append(sheet, row)
		}
		data := byExcelize(t, sheet, rapid.Bool().Draw(t, "streamed"))
		got, err := tryRead(t.Context(), memory{data: data}, Options{HeaderRow: 1})
		require.NoError(t, err)
		require.Empty(t, got.errors)
		next := 0
		for i, row := range sheet[1:] {
			want := make([]string, len(got.header))
			for c, v := range row {
				want[c] = spelled(v)
			}
			if strings.Join(want, "") == "" {
				continue
			}
			for c, cell := range got.rows[next] { // a streamed date has the format m/d/yy h:mm
				got.rows[next][c] = strings.TrimSuffix(cell, "T00:00:00")
			}
			require.Equal(t, want, got.rows[next])
			require.EqualValues(t, i+2, got.lines[next])
			next++
		}
		require.Len(t, got.rows, next)
	})
}

var escapes = regexp.MustCompile(`_x[0-9a-fA-F]{4}_`)

func drawValue(t *rapid.T) any {
	// excelize does not always escape what looks like an escape: _xaaaa_.
	texts := rapid.StringOf(rapid.RuneFrom([]rune("ab0 _xD<>&\"'\n\té😀_"))).Filter(func(s string) bool { return !escapes.MatchString(s) })
	switch rapid.IntRange(0, 6).Draw(t, "kind") {
	case 0:
		return texts.Draw(t, "text")
	case 1:
		return rapid.Int64Range(-1e14, 1e14).Draw(t, "integer")
	case 2:
		return float64(rapid.IntRange(-1e9, 1e9).Draw(t, "hundredths")) / 100
	case 3:
		return rapid.Bool().Draw(t, "boolean")
	case 4:
		return time.Date(1900, 3, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 90_000).Draw(t, "day"))
	case 5:
		return "00" + strconv.Itoa(rapid.IntRange(0, 99).Draw(t, "code"))
	}
	return nil
}

// spelled is a value as this package spells it.
func spelled(v any) string {
	switch v := v.(type) {
	case string:
		return strings.ReplaceAll(v, "\r\n", "\n")
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case time.Time:
		return v.Format(time.DateOnly)
	}
	return ""
}

// byExcelize writes a sheet by excelize, all at once (shared strings) or streamed (inline strings).
func byExcelize(t *rapid.T, sheet [][]any, streamed bool) []byte {
	f := excelize.NewFile()
	var w *excelize.StreamWriter
	if streamed {
		var err error
		w, err = f.NewStreamWriter("Sheet1")
		require.NoError(t, err)
	}
	for i, row := range sheet {
		cell := "A" + strconv.Itoa(i+1)
		if streamed {
			require.NoError(t, w.SetRow(cell, row))
		} else {
			require.NoError(t, f.SetSheetRow("Sheet1", cell, &row))
		}
	}
	if streamed {
		require.NoError(t, w.Flush())
	}
	var b bytes.Buffer
	require.NoError(t, f.Write(&b))
	require.NoError(t, f.Close())
	return b.Bytes()
}
