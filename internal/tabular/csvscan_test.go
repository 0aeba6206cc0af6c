package tabular

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"wharf/internal/fault"
)

// plainRecord is a record as the grammar has it, read one character at a time.
type plainRecord struct {
	cells []string
	blank bool
	note  bool // begins with "# ", and has no second cell
	stray []int
}

// readPlainly is the grammar of docs/files.md written down without any thought of speed. open is set if the text ends
// within quotes; that record is left out.
func readPlainly(text string, delim byte) (records []plainRecord, open bool) {
	for text != "" {
		if end := strings.IndexAny(text, "\r\n"); strings.Trim(lineOf(text, end), " ") == "" {
			records = append(records, plainRecord{blank: true})
			text = behindLine(text[len(lineOf(text, end)):])
			continue
		}
		rec := plainRecord{note: text[0] == '#'}
		for {
			var cell string
			var stray, ok bool
			if cell, text, stray, ok = readPlainCell(text, delim); !ok {
				return records, true
			}
			if stray {
				rec.stray = append(rec.stray, len(rec.cells))
			}
			rec.cells = append(rec.cells, cell)
			if text == "" || text[0] != delim {
				break
			}
			text = text[1:]
		}
		rec.note = rec.note && len(rec.cells) == 1 && strings.HasPrefix(rec.cells[0]+" ", "# ")
		records = append(records, rec)
		text = behindLine(text)
	}
	return records, false
}

func readPlainCell(text string, delim byte) (cell, rest string, stray, ok bool) {
	ends := string(delim) + "\r\n"
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexAny(text, ends)
		return lineOf(text, end), text[len(lineOf(text, end)):], false, true
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] != '"':
			b.WriteByte(text[i])
		case i+1 < len(text) && text[i+1] == '"':
			b.WriteByte('"')
			i++
		default:
			rest = text[i+1:]
			tail := lineOf(rest, strings.IndexAny(rest, ends))
			if strings.Trim(tail, " \t") != "" {
				b.WriteString(tail)
				stray = true
			}
			return b.String(), rest[len(tail):], stray, true
		}
	}
	return "", "", false, false
}

func lineOf(text string, end int) string {
	if end < 0 {
		return text
	}
	return text[:end]
}

func behindLine(text string) string {
	switch {
	case strings.HasPrefix(text, "\r\n"):
		return text[2:]
	case text != "":
		return text[1:]
	}
	return ""
}

// Whatever the text and however little of it is in memory at a time, records come out as the grammar has them.
func TestRecordsFollowTheGrammarWhateverTheWindow(t *testing.T) {
	t.Parallel()
	pieces := []string{
		"a", "bc", `"`, `"`, `""`, ",", ",", ";", "\n", "\n", "\r", "\r\n", " ", "\t", "#", "é", "0123456789",
		`"quoted, cell"`, `"two` + "\n" + `lines"`,
	}
	rapid.Check(t, func(t *rapid.T) {
		delim := rapid.SampledFrom([]string{",", ";", "\t", "|"}).Draw(t, "delimiter")
		body := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 60).Draw(t, "pieces"), "")
		size := rapid.IntRange(1, 100).Draw(t, "window")
		text := strings.Join([]string{"x", "y", "z"}, delim) + "\n" + body

		r, err := openWithWindow(t.Context(), text, Options{Delimiter: delim, HeaderRow: 1, BatchRows: 7}, size)
		require.NoError(t, err)
		got, err := collect(r)

		records, open := readPlainly(text, delim[0])
		if open {
			require.Equal(t, fault.Invalid, fault.CodeOf(err))
			require.Contains(t, err.Error(), "never closed")
		} else {
			require.NoError(t, err)
		}
		requireRecords(t, records, got)
	})
}

// requireRecords checks that got holds the records behind the first, cut to three columns, under their numbers.
func requireRecords(tb require.TestingT, records []plainRecord, got table) {
	n := 0
	for i, rec := range records[1:] {
		if rec.blank || rec.note {
			continue
		}
		require.Greater(tb, len(got.rows), n)
		require.EqualValues(tb, i+2, got.lines[n])
		cells := append(append([]string(nil), rec.cells...), "", "", "")
		require.Equal(tb, cells[:3], got.rows[n])
		var want []string
		for _, col := range rec.stray {
			if col < 3 {
				want = append(want, "quote")
			}
		}
		if len(rec.cells) > 3 && strings.Trim(strings.Join(rec.cells[3:], ""), " \t") != "" {
			want = append(want, "ragged")
		}
		var rules []string
		for _, e := range got.errors {
			if e.Row == n {
				rules = append(rules, e.Rule)
			}
		}
		require.Equal(tb, want, rules)
		n++
	}
	require.Len(tb, got.rows, n)
}

// A row costs no memory of its own: a file of a hundred times the rows makes no more allocations.
//
//nolint:paralleltest // allocations are counted: nothing else may run
func TestReadingARowAllocatesNothing(t *testing.T) {
	for name, row := range map[string]string{
		"id,name,note\n": `1,plain,"quoted, with ""quotes"""`,
		"":               `{"id": 1, "name": "plain", "note": "with \"quotes\" and \u00e9", "more": [1, {"a": 2}]}`,
	} {
		count := func(rows int) float64 {
			text := []byte(name + strings.Repeat(row+"\n", rows))
			var b Batch
			return testing.AllocsPerRun(3, func() {
				r, err := Open(t.Context(), memory{data: text}, Options{})
				require.NoError(t, err)
				for err == nil {
					err = r.Next(&b)
				}
				require.ErrorIs(t, err, io.EOF)
				require.NoError(t, r.Close())
			})
		}
		few, many := count(2_000), count(100_000)
		require.Less(t, many, few+100, row)
	}
}
