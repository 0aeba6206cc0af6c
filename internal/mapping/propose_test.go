package mapping_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"wharf/internal/mapping"
	"wharf/internal/rowprogram"
	"wharf/internal/tabular"
)

// headers are such that many mean the same or nearly.
var headers = []string{
	"email", "E-Mail", "Email (2)", "email_work", "email_home", "first_name", "First Name", "Vorname", "last_name", "Surname", "Name",
	"Company", "Account", "Account Name", "Phone", "Mobile", "Home Phone", "Date", "Created", "created_at", "Start", "End", "Total",
	"Amount", "Order #", "Order", "Order Date", "A", "B", "Contact", "Status", "", "--", "Zork", "Zork 2",
}

func drawFields(t *rapid.T) []rowprogram.Field {
	names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{
		"email", "work_email", "first_name", "last_name", "name", "company", "company_id", "phone", "mobile", "order_number", "order_date",
		"created_at", "start_date", "end_date", "total", "amount", "status", "zork",
	}), 1, 10, rapid.ID[string]).Draw(t, "fields")
	var fields []rowprogram.Field
	for _, name := range names {
		f := rowprogram.Field{Name: name, Type: rapid.SampledFrom([]string{"text", "email", "number", "date"}).Draw(t, "type")}
		f.Aliases = rapid.SliceOfN(rapid.SampledFrom(headers), 0, 2).Draw(t, "aliases")
		fields = append(fields, f)
	}
	return fields
}

func drawSample(t *rapid.T, columns int) *tabular.Batch {
	b := &tabular.Batch{Cols: columns}
	cell := rapid.SampledFrom([]string{"", "a@example.com", "12.50", "2024-02-29", "word"})
	for r := range rapid.IntRange(0, 4).Draw(t, "rows") {
		b.Lines = append(b.Lines, int64(r+2))
		for range columns {
			b.Cells = append(b.Cells, []byte(cell.Draw(t, "cell")))
		}
	}
	return b
}

// shuffled gives the file with its columns in another order; order[i] is where column i was.
func shuffled(header []string, b *tabular.Batch, order []int) ([]string, *tabular.Batch) {
	out := make([]string, len(header))
	for i, c := range order {
		out[i] = header[c]
	}
	var batch tabular.Batch
	b.Project(&batch, order)
	return out, &batch
}

func TestProposalsHold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		header := rapid.SliceOfNDistinct(rapid.SampledFrom(headers), 1, 12, rapid.ID[string]).Draw(t, "header")
		fields, sample := drawFields(t), drawSample(t, len(header))
		cfg := mapping.Config{Subject: rapid.SampledFrom([]string{"", "contacts", "orders"}).Draw(t, "subject")}
		got := mapping.Propose(header, sample, fields, cfg)
		require.Equal(t, got, mapping.Propose(header, sample, fields, cfg), "the same file, the same proposal")
		requireConsistent(t, header, fields, got)

		order := rapid.Permutation(indices(len(header))).Draw(t, "order")
		other, moved := shuffled(header, sample, order)
		require.Equal(t, got.Columns.Names(header, fields), mapping.Propose(other, moved, fields, cfg).Columns.Names(other, fields),
			"the order of the columns decides nothing")
	})
}

// requireConsistent holds a proposal to its invariants: one column a field, one field a column, exact names first.
func requireConsistent(t require.TestingT, header []string, fields []rowprogram.Field, p mapping.Proposal) {
	require.Len(t, p.Columns, len(fields))
	require.Len(t, p.Matches, len(header))
	taken := map[int]bool{}
	for f, c := range p.Columns {
		if c < 0 {
			continue
		}
		require.False(t, taken[c])
		taken[c] = true
		require.Equal(t, fields[f].Name, p.Matches[c].Field)
	}
	for c, m := range p.Matches {
		require.Equal(t, header[c], m.Header)
		require.Equal(t, taken[c], m.Field != "")
		require.Equal(t, taken[c], m.Reason != "")
		require.Equal(t, taken[c], m.Confidence > 0)
		require.LessOrEqual(t, m.Confidence, 1.0)
		for f := range fields {
			if fields[f].Name == header[c] {
				require.Equal(t, c, p.Columns[f], "an exact name always wins")
				require.Equal(t, mapping.Exact, m.Reason)
			}
		}
	}
}

func indices(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func TestProposeSaysWhy(t *testing.T) {
	t.Parallel()
	header := []string{"first_name", "E-MAIL ADDRESS", "family name", "Telefon", "Zork"}
	all := append(fields(), rowprogram.Field{Name: "phone", Type: "phone"})
	got := mapping.Propose(header, nil, all, mapping.Config{}).Matches
	var reasons []mapping.Reason
	for i, m := range got {
		reasons = append(reasons, m.Reason)
		if i > 0 {
			require.LessOrEqual(t, m.Confidence, got[i-1].Confidence, "a weaker reason is less sure")
		}
	}
	require.Equal(t, []mapping.Reason{mapping.Exact, mapping.Name, mapping.Alias, mapping.Similar, ""}, reasons)
}

func TestValuesLowerTheConfidenceOfANameAndTakeALikenessAway(t *testing.T) {
	t.Parallel()
	all := []rowprogram.Field{{Name: "email", Type: "email"}, {Name: "start_date", Type: "date"}}
	propose := func(cells ...string) []mapping.Match {
		b := &tabular.Batch{Cols: 2}
		for i, cell := range cells {
			if i%2 == 0 {
				b.Lines = append(b.Lines, int64(i/2+2))
			}
			b.Cells = append(b.Cells, []byte(cell))
		}
		return mapping.Propose([]string{"email", "Start"}, b, all, mapping.Config{}).Matches
	}
	fit := propose("a@example.com", "2024-01-01", "b@example.com", "2024-01-02", "c@example.com", "2024-01-03")
	unfit := propose("yes", "left", "no", "right", "yes", "left")
	require.Equal(t, "email", unfit[0].Field)
	require.Less(t, unfit[0].Confidence, fit[0].Confidence)
	require.Equal(t, "start_date", fit[1].Field)
	require.Empty(t, unfit[1].Field)
	require.Equal(t, "start_date", propose()[1].Field, "without values the names decide")
}

func TestColumnsThatFitEquallyAreLeftToAPerson(t *testing.T) {
	t.Parallel()
	one := []rowprogram.Field{{Name: "price", Type: "number"}}
	require.Equal(t, mapping.Columns{-1}, mapping.Propose([]string{"Price EUR", "Price USD"}, nil, one, mapping.Config{}).Columns)
	require.Equal(t, mapping.Columns{0}, mapping.Propose([]string{"Price EUR", "Weight"}, nil, one, mapping.Config{}).Columns)
	two := []rowprogram.Field{{Name: "gross_price", Type: "number"}, {Name: "net_price", Type: "number"}}
	require.Equal(t, mapping.Columns{-1, -1}, mapping.Propose([]string{"Price"}, nil, two, mapping.Config{}).Columns)
}

func TestTheSubjectIsUnderstood(t *testing.T) {
	t.Parallel()
	name := []rowprogram.Field{{Name: "name", Type: "text"}, {Name: "external_id", Type: "text"}}
	header := []string{"Company Name", "Company ID"}
	require.Equal(t, mapping.Columns{0, 1}, mapping.Propose(header, nil, name, mapping.Config{Subject: "companies"}).Columns)
	require.Equal(t, mapping.Columns{-1, -1}, mapping.Propose(header, nil, name, mapping.Config{Subject: "deals"}).Columns)
}

func TestAHeaderThatAsksYesOrNoIsNoDate(t *testing.T) {
	t.Parallel()
	at := []rowprogram.Field{{Name: "deleted_at", Type: "date"}}
	require.Equal(t, mapping.Columns{-1}, mapping.Propose([]string{"IsDeleted"}, nil, at, mapping.Config{}).Columns)
	require.Equal(t, mapping.Columns{0}, mapping.Propose([]string{"Date deleted"}, nil, at, mapping.Config{}).Columns)
	is := []rowprogram.Field{{Name: "is_deleted", Type: "boolean"}}
	require.Equal(t, mapping.Columns{0}, mapping.Propose([]string{"Deleted"}, nil, is, mapping.Config{}).Columns)
	require.Equal(t, mapping.Columns{-1}, mapping.Propose([]string{"Date deleted"}, nil, is, mapping.Config{}).Columns)
}

// wideFile makes a file and fields of many names: words of the headers above, and numbers.
func wideFile(columns, count int) ([]string, *tabular.Batch, []rowprogram.Field) {
	rng := rand.New(rand.NewPCG(1, 2))
	header := make([]string, columns)
	for i := range header {
		header[i] = fmt.Sprintf("%s %s %d", headers[rng.IntN(len(headers))], headers[rng.IntN(len(headers))], i)
	}
	all := make([]rowprogram.Field, count)
	types := []string{"text", "email", "number", "date", "phone", "boolean"}
	for i := range all {
		all[i] = rowprogram.Field{Name: fmt.Sprintf("%s_%s_%d", headers[rng.IntN(len(headers))], headers[rng.IntN(len(headers))], i), Type: types[i%len(types)]}
	}
	sample := &tabular.Batch{Cols: columns}
	cells := []string{"a@example.com", "12.50", "2024-02-29", "word", "+1 555 123 4567"}
	for r := range 200 {
		sample.Lines = append(sample.Lines, int64(r+2))
		for c := range columns {
			sample.Cells = append(sample.Cells, []byte(cells[(c+r/180)%len(cells)]))
		}
	}
	return header, sample, all
}

func BenchmarkPropose(b *testing.B) {
	for _, size := range [][2]int{{12, 12}, {300, 60}, {16_384, 1_500}} {
		b.Run(fmt.Sprintf("columns=%d/fields=%d", size[0], size[1]), func(b *testing.B) {
			header, sample, all := wideFile(size[0], size[1])
			for b.Loop() {
				mapping.Propose(header, sample, all, mapping.Config{Subject: "contacts"})
			}
		})
	}
}
