package rowprogram

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/tabular"
)

// columnOf is a batch of one column; its first row is row 2 of the file.
func columnOf(cells ...string) *tabular.Batch {
	b := &tabular.Batch{Cols: 1}
	for i, cell := range cells {
		b.Lines = append(b.Lines, int64(i+2))
		b.Cells = append(b.Cells, []byte(cell))
	}
	return b
}

// run takes a file of one batch the whole way, as an import does. make gives the file anew.
func run(t testing.TB, p *Program, file func() *tabular.Batch) (*tabular.Batch, []Decision) {
	t.Helper()
	b := file()
	err := p.Apply(b)
	if err == nil {
		return b, nil
	}
	require.ErrorIs(t, err, ErrUndecided)
	p.Survey(file())
	decisions := p.Decide()
	b = file()
	require.NoError(t, p.Apply(b), "a decided program always comes to an end")
	return b, decisions
}

func TestEachTypeReadsWhatTheDocumentSays(t *testing.T) {
	t.Parallel()
	for _, table := range valueTables {
		for _, c := range table.cases {
			t.Run(fmt.Sprintf("%s/%d %q", table.title, c.kind, c.in), func(t *testing.T) {
				t.Parallel()
				f := table.field
				f.Name = "value"
				b, _ := run(t, mustCompile(t, f), func() *tabular.Batch {
					b := columnOf(c.in)
					b.Kinds = []tabular.Kind{c.kind}
					return b
				})
				if c.message == "" {
					require.Empty(t, b.Errors)
					require.Equal(t, c.stored, string(b.Cells[0]))
					return
				}
				require.Len(t, b.Errors, 1)
				require.Equal(t, "Value "+c.message, b.Errors[0].Message)
				require.Equal(t, c.in, string(b.Cells[0]), "a failing cell keeps its text")
			})
		}
	}
}

func TestAColumnDecidesWhatItsCellsCannot(t *testing.T) {
	t.Parallel()
	for _, table := range columnTables {
		t.Run(table.about, func(t *testing.T) {
			t.Parallel()
			f := table.field
			f.Name = "value"
			b, decisions := run(t, mustCompile(t, f), func() *tabular.Batch { return columnOf(table.in...) })
			failed := map[int]bool{}
			for _, e := range b.Errors {
				failed[e.Row] = true
			}
			for i, want := range table.stored {
				require.Equal(t, want == "!", failed[i], "%s: %v", table.in[i], b.Errors)
				if want != "!" {
					require.Equal(t, want, string(b.Cells[i]))
				}
			}
			if table.want == nil {
				require.Empty(t, decisions)
				return
			}
			want := *table.want
			want.Field = "value"
			require.Equal(t, []Decision{want}, decisions)
		})
	}
}
