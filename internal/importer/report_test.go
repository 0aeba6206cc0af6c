package importer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"wharf/internal/tabular"
)

func (h *house) report(t *testing.T, id uuid.UUID) []byte {
	t.Helper()
	link, err := h.ErrorsLink(context.Background(), h.p, id)
	require.NoError(t, err)
	res, err := http.Get(link)
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, http.StatusOK, res.StatusCode)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return body
}

// sheet writes rows as a file of the format.
func sheet(t *testing.T, format string, rows ...[]string) string {
	t.Helper()
	var out bytes.Buffer
	w, err := tabular.NewRowWriter(&out, format, tabular.WriteOptions{})
	require.NoError(t, err)
	require.NoError(t, w.Header(rows[0]))
	for _, row := range rows[1:] {
		cells := make([][]byte, len(row))
		for i, cell := range row {
			cells[i] = []byte(cell)
		}
		require.NoError(t, w.Row(cells, nil))
	}
	require.NoError(t, w.Close())
	return out.String()
}

// mended gives the rows of a file with one text in place of another.
func mended(t *testing.T, name string, file []byte, from, to string) [][]string {
	t.Helper()
	r, err := tabular.Open(context.Background(), inMemory{name, file}, tabular.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	rows := [][]string{r.Header()}
	var b tabular.Batch
	for {
		err := r.Next(&b)
		if errors.Is(err, io.EOF) {
			return rows
		}
		require.NoError(t, err)
		for n := range b.Len() {
			var row []string
			for _, cell := range b.Row(n) {
				row = append(row, strings.ReplaceAll(string(cell), from, to))
			}
			rows = append(rows, row)
		}
	}
}

type inMemory struct {
	name    string
	content []byte
}

func (f inMemory) Name() string { return f.name }
func (f inMemory) Size() int64  { return int64(len(f.content)) }
func (f inMemory) Open(_ context.Context, offset int64) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(f.content[offset:])), nil
}

func TestErrorReportIsMendedAndImportedAsItIs(t *testing.T) {
	t.Parallel()
	for format, header := range map[string]int{"csv": 1, "tsv": 1, "xlsx": 1, "jsonl": 0, "json": 0} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			imp := h.contacts(t, "")
			name := "contacts." + format
			file := sheet(t, format,
				[]string{"external_id", "first_name", "email", "Remark"},
				[]string{"001", "Ada", "ada@example.com", "first, and \"best\""},
				[]string{"002", "Bob", "bob at example.com", "line\nbreak"},
				[]string{"", "Cy", "cy@example.com", "=1+1"},
				[]string{"001", "Dee", "dee@example.com", "twice"},
			)
			id := h.upload(t, Request{ImporterID: &imp.ID, FileName: name}, file)
			got := h.run(t, id)
			require.Equal(t, Completed, got.Status)
			require.EqualValues(t, 1, got.NumCreated)
			require.EqualValues(t, 3, got.NumErrors)
			report := h.report(t, id)
			rows := mended(t, name, report, " at ", "@")
			require.Equal(t, []string{"external_id", "first_name", "email", "Remark", "row", "errors"}, rows[0])
			require.Len(t, rows, 4)
			require.Equal(t, []string{"002", "Bob", "bob@example.com", "line\nbreak", strconv.Itoa(2 + header)}, rows[1][:5])
			require.NotEmpty(t, rows[1][5])
			require.Equal(t, []string{"", "Cy", "cy@example.com", "=1+1", strconv.Itoa(3 + header)}, rows[2][:5])
			rows[2][0], rows[3][0] = "003", "004"

			id = h.upload(t, Request{ImporterID: &imp.ID, FileName: "contacts-errors." + format}, sheet(t, format, rows...))
			got = h.run(t, id)
			require.Equal(t, Completed, got.Status)
			require.Zero(t, got.NumErrors)
			require.EqualValues(t, 3, got.NumCreated)
			require.Equal(t, 4, h.count(t, `SELECT count(*) FROM contacts WHERE external_id IN ('001', '002', '003', '004')`))
			require.NotContains(t, got.Links, "errors")
		})
	}
}

func TestReportOfAReportHasOnlyTheNewErrors(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	imp := h.contacts(t, `, "include_unmatched_columns": true`)
	id := h.upload(t, Request{ImporterID: &imp.ID}, contactsFile)
	require.EqualValues(t, 1, h.run(t, id).NumErrors)
	id = h.upload(t, Request{ImporterID: &imp.ID}, string(h.report(t, id)))
	got := h.run(t, id)
	require.EqualValues(t, 1, got.NumErrors)
	rows := mended(t, "x.csv", h.report(t, id), "", "")
	require.Equal(t, []string{"external_id", "first_name", "email", "row", "errors"}, rows[0])
	require.Equal(t, "2", rows[1][3], "its row in this file")
}

// The few rows that failed may decide otherwise than the whole file did.
func TestReportIsReadAsItsFileWas(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	imp := h.importer(t, `{"name": "x", "filter_invalid_rows": true, "fields": [{"name": "email", "type": "email"},
		{"name": "amt", "type": "number"}, {"name": "day", "type": "date"}]}`)
	req := Request{ImporterID: &imp.ID}
	id := h.upload(t, req, "email;amt;day\na@b.co;1.234,50;31/01/2024\nbad;1.234;03/04/2024\nbad;12.345;03/04/2024\n")
	require.EqualValues(t, 2, h.run(t, id).NumErrors)
	rows := mended(t, "x.csv", h.report(t, id), "bad", "ok@b.co")
	id = h.upload(t, req, sheet(t, "csv", rows...))
	got := h.run(t, id)
	require.Zero(t, got.NumErrors, got.Errors)
	require.Equal(t, [][]string{{"email", "amt", "day"}, {"ok@b.co", "1234", "2024-04-03"}, {"ok@b.co", "12345", "2024-04-03"}}, h.result(t, id))
}

func TestColumnsOfTheFilesOwnAreNotTakenForTheReports(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	imp := h.importer(t, `{"name": "x", "filter_invalid_rows": true, "fields": [{"name": "email", "type": "email"},
		{"name": "row", "type": "text"}, {"name": "errors", "type": "text"}]}`)
	req := Request{ImporterID: &imp.ID}
	id := h.upload(t, req, "email,row,errors\na@b.co,A1,none\nbad,B2,two\n")
	require.EqualValues(t, 1, h.run(t, id).NumErrors)
	require.Equal(t, []string{"a@b.co", "A1", "none"}, h.result(t, id)[1])
	rows := mended(t, "x.csv", h.report(t, id), "bad", "ok@b.co")
	require.Equal(t, []string{"email", "row", "errors", "row_2", "errors_2"}, rows[0])
	require.Equal(t, []string{"ok@b.co", "B2", "two", "3"}, rows[1][:4])
	id = h.upload(t, req, sheet(t, "csv", rows...))
	require.Zero(t, h.run(t, id).NumErrors)
	require.Equal(t, []string{"ok@b.co", "B2", "two"}, h.result(t, id)[1])

	imp = h.importer(t, `{"name": "y", "include_unmatched_columns": true, "fields": [{"name": "email", "type": "email"}]}`)
	id = h.upload(t, Request{ImporterID: &imp.ID}, "email,row,errors\na@b.co,A1,none\n")
	require.Equal(t, Completed, h.run(t, id).Status)
	require.Equal(t, []string{"a@b.co", "A1", "none", ""}, h.result(t, id)[1], "kept as any other column")
}

func TestWhatWasDamagedInTheFileIsNotMendedByTheReport(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	imp := h.contacts(t, "")
	id := h.upload(t, Request{ImporterID: &imp.ID}, "external_id,first_name,email\n1,nul\x00x,bad\n2,Ann,bad,surplus\n")
	require.NotZero(t, h.run(t, id).NumErrors)
	report := h.report(t, id)
	require.Contains(t, string(report), "surplus", "what has no column is told")
	rows := mended(t, "x.csv", report, "bad", "ok@b.co")
	id = h.upload(t, Request{ImporterID: &imp.ID}, sheet(t, "csv", rows...))
	got := h.run(t, id)
	require.Contains(t, got.Errors[0].Message, "damaged")
}
