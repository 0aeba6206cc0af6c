package exporter

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"wharf/internal/tenancy"
)

// purses are two tables between which money moves, and one in the middle that grows by a row with each transfer.
const purses = `
	CREATE TABLE a_purse (id int PRIMARY KEY, tenant_id uuid NOT NULL, money bigint NOT NULL);
	CREATE TABLE b_transfers (id bigint GENERATED ALWAYS AS IDENTITY, tenant_id uuid NOT NULL, word text NOT NULL);
	CREATE TABLE c_purse (id int PRIMARY KEY, tenant_id uuid NOT NULL, money bigint NOT NULL, transfers bigint NOT NULL)`

const transfer = `WITH given AS (UPDATE a_purse SET money = money - 1),
	noted AS (INSERT INTO b_transfers (tenant_id, word) SELECT tenant_id, repeat('x', 300) FROM a_purse)
	UPDATE c_purse SET money = money + 1, transfers = transfers + 1`

// moving transfers money until stop is called, which gives how often.
func (h *house) moving(t *testing.T) (stop func() int) {
	t.Helper()
	const before = 3000
	h.exec(t, `INSERT INTO a_purse VALUES (1, $1, 1000)`, h.mine)
	h.exec(t, `INSERT INTO b_transfers (tenant_id, word) SELECT $1, repeat('x', 300) FROM generate_series(1, $2::int)`, h.mine, before)
	h.exec(t, `INSERT INTO c_purse VALUES (1, $1, 0, $2)`, h.mine, before)
	ctx, cancel := context.WithCancel(t.Context())
	var writer sync.WaitGroup
	moved, failure := 0, error(nil)
	writer.Go(func() {
		for ; ctx.Err() == nil; moved++ {
			if _, err := h.admin.Exec(ctx, transfer); err != nil && ctx.Err() == nil {
				failure = err
				return
			}
		}
	})
	return func() int {
		cancel()
		writer.Wait()
		require.NoError(t, failure)
		return moved
	}
}

// cells gives the rows of each table of an export, by the names of their columns, and what its manifest counts.
func cells(t *testing.T, format string, data []byte) (tables map[string][]map[string]string, counts map[string]int64) {
	t.Helper()
	tables, counts = map[string][]map[string]string{}, map[string]int64{}
	named := func(table string, rows [][]string) {
		for _, row := range rows[1:] {
			cells := map[string]string{}
			for i, name := range rows[0] {
				cells[name] = row[i]
			}
			tables[table] = append(tables[table], cells)
		}
	}
	parsed := func(table, doc string) {
		var row map[string]any
		dec := json.NewDecoder(strings.NewReader(doc))
		dec.UseNumber()
		require.NoError(t, dec.Decode(&row))
		cells := map[string]string{}
		for name, v := range row {
			cells[name] = fmt.Sprint(v)
		}
		tables[table] = append(tables[table], cells)
	}
	switch format {
	case FormatJSON, FormatDump:
		var doc map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(data, &doc))
		require.NoError(t, json.Unmarshal(doc["counts"], &counts))
		for table := range counts {
			for _, line := range lines(doc[table]) {
				parsed(table, line)
			}
		}
	case FormatXLSX:
		book, err := excelize.OpenReader(bytes.NewReader(data))
		require.NoError(t, err)
		for _, table := range book.GetSheetList() {
			rows, err := book.GetRows(table)
			require.NoError(t, err)
			named(table, rows)
			counts[table] = int64(len(rows) - 1)
		}
	default:
		files := unzipped(t, data)
		var m manifest
		require.NoError(t, json.Unmarshal([]byte(files[manifestName]), &m))
		for _, table := range m.Tables {
			counts[table.Table] = table.Rows
			if format == FormatCSV {
				rows, err := csv.NewReader(strings.NewReader(files[table.File])).ReadAll()
				require.NoError(t, err)
				named(table.Table, rows)
				continue
			}
			for line := range strings.Lines(files[table.File]) {
				parsed(table.Table, line)
			}
		}
	}
	return tables, counts
}

// TestEveryExportSeesOneMoment moves money between two tables while exports read them: no export sees half a transfer,
// whichever reader has which table, and the counts are those of that moment.
func TestEveryExportSeesOneMoment(t *testing.T) {
	t.Parallel()
	for _, format := range []string{FormatJSON, FormatDump, FormatJSONL, FormatCSV, FormatXLSX} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			h := emptyHouse(t, purses)
			stop := h.moving(t)
			seen := map[string]bool{}
			for i := range 9 {
				h.service.cfg.Readers = 1 + i%3
				data, r := h.write(t, Request{Format: format})
				tables, counts := cells(t, format, data)
				given, got := number(t, tables["a_purse"][0]["money"]), number(t, tables["c_purse"][0]["money"])
				require.EqualValues(t, 1000, given+got, "%d readers", h.service.cfg.Readers)
				require.Len(t, tables["b_transfers"], int(number(t, tables["c_purse"][0]["transfers"])), "%d readers", h.service.cfg.Readers)
				require.EqualValues(t, len(tables["b_transfers"]), counts["b_transfers"])
				require.Equal(t, r.tables, counts)
				seen[tables["c_purse"][0]["money"]] = true
			}
			require.Greater(t, stop(), 9)
			require.Greater(t, len(seen), 3, "money moved meanwhile")
		})
	}
}

func number(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	require.NoError(t, err)
	return n
}

// manyTables makes n tables of unlike sizes; the tables' names give no order of their own.
func manyTables(n int) string {
	var ddl strings.Builder
	for i := range n {
		fmt.Fprintf(&ddl, `CREATE TABLE t%03d (id int PRIMARY KEY, tenant_id uuid NOT NULL, word text NOT NULL);`, i*7919%1000)
	}
	return ddl.String()
}

func TestReadersGiveTheSameBytesHoweverManyThereAre(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, manyTables(30))
	for i, table := range h.snapshot(t).Tables {
		h.exec(t, `INSERT INTO `+table.Ident()+` SELECT n, $1, repeat(n::text, $2) FROM generate_series(1, $3) n`, h.mine, 1+i*7, i*i%200*i)
	}
	var want string
	for _, readers := range []int{0, 1, 2, 5, 40} {
		h.service.cfg.Readers = readers
		doc, _ := h.write(t, Request{})
		var members map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(doc, &members))
		got := string(doc[bytes.Index(doc, []byte(`"workspace"`)):])
		if want == "" {
			want = got
		}
		require.Equal(t, want, got, "%d readers", readers)
	}
}

func TestExportGoesOnWithoutAFurtherConnection(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, manyTables(4))
	pool := h.service.cfg.Pool
	var held []interface{ Release() }
	for range pool.Config().MaxConns - 1 { // one is left
		c, err := pool.Acquire(t.Context())
		require.NoError(t, err)
		held = append(held, c)
	}
	defer func() {
		for _, c := range held {
			c.Release()
		}
	}()
	_, r := h.write(t, Request{})
	require.Len(t, r.tables, 4)
}

// TestTableThatBreaksHalfwayFailsTheExport has a policy that fails at one row, in a table that another reader may have.
func TestTableThatBreaksHalfwayFailsTheExport(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, `
		CREATE TABLE a_large (id int PRIMARY KEY, tenant_id uuid NOT NULL, word text NOT NULL);
		CREATE TABLE b_broken (id int PRIMARY KEY, tenant_id uuid NOT NULL);
		CREATE POLICY broken ON b_broken USING (1 / (id - 900) < 2);
		ALTER TABLE b_broken ENABLE ROW LEVEL SECURITY`)
	h.exec(t, `INSERT INTO a_large SELECT n, $1, repeat('x', 500) FROM generate_series(1, 5000) n`, h.mine)
	h.exec(t, `INSERT INTO b_broken SELECT n, $1 FROM generate_series(1, 1000) n`, h.mine)
	for _, format := range []string{FormatJSON, FormatDump, FormatJSONL, FormatCSV, FormatXLSX} {
		for _, readers := range []int{1, 3} {
			h.service.cfg.Readers = readers
			var out bytes.Buffer
			err := h.service.newRun(tenancy.System(h.mine), Request{Format: format}).document(t.Context(), &out)
			require.ErrorContains(t, err, "b_broken")
			require.False(t, json.Valid(out.Bytes()))
		}
	}
}

var errFull = errors.New("the disk is full")

// fullAfter fails once so many bytes were written.
type fullAfter struct{ left int }

func (f *fullAfter) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestWriterThatFailsEndsTheReadersAtOnce(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, manyTables(6))
	for _, table := range h.snapshot(t).Tables {
		h.exec(t, `INSERT INTO `+table.Ident()+` SELECT n, $1, md5(n::text) || repeat('x', 200) FROM generate_series(1, 3000) n`, h.mine)
	}
	for _, format := range []string{FormatJSON, FormatDump, FormatJSONL, FormatCSV, FormatXLSX} {
		for _, left := range []int{0, 50, 100_000} {
			err := h.service.newRun(tenancy.System(h.mine), Request{Format: format}).document(t.Context(), &fullAfter{left})
			require.ErrorIs(t, err, errFull, "%s after %d bytes", format, left)
		}
	}
	require.Eventually(t, func() bool { return h.service.cfg.Pool.Stat().AcquiredConns() == 0 }, soonEnough, tick)
}
