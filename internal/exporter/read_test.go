package exporter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/tenancy"
)

// TestEveryExportSeesOneMoment moves money between two tables while exports read them: no export sees half a transfer,
// whichever reader has which table.
func TestEveryExportSeesOneMoment(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, `
		CREATE TABLE a_purse (id int PRIMARY KEY, tenant_id uuid NOT NULL, money bigint NOT NULL);
		CREATE TABLE b_filler (id int PRIMARY KEY, tenant_id uuid NOT NULL, word text NOT NULL);
		CREATE TABLE c_purse (id int PRIMARY KEY, tenant_id uuid NOT NULL, money bigint NOT NULL)`)
	h.exec(t, `INSERT INTO a_purse VALUES (1, $1, 1000)`, h.mine)
	h.exec(t, `INSERT INTO b_filler SELECT n, $1, repeat('x', 300) FROM generate_series(1, 5000) n`, h.mine)
	h.exec(t, `INSERT INTO c_purse VALUES (1, $1, 0)`, h.mine)
	ctx, stop := context.WithCancel(t.Context())
	var writer sync.WaitGroup
	moved := 0
	var writeErr error
	writer.Go(func() {
		for ; ctx.Err() == nil; moved++ {
			writeErr = pgx.BeginFunc(ctx, h.admin, func(tx pgx.Tx) error {
				if _, err := tx.Exec(ctx, `UPDATE a_purse SET money = money - 1`); err != nil {
					return err
				}
				_, err := tx.Exec(ctx, `UPDATE c_purse SET money = money + 1`)
				return err
			})
			if writeErr != nil {
				return
			}
		}
	})
	seen := map[int64]bool{}
	for range 20 {
		doc, _ := h.write(t, Request{})
		var got struct {
			A []struct{ Money int64 } `json:"a_purse"`
			C []struct{ Money int64 } `json:"c_purse"`
		}
		require.NoError(t, json.Unmarshal(doc, &got))
		require.EqualValues(t, 1000, got.A[0].Money+got.C[0].Money)
		seen[got.C[0].Money] = true
	}
	stop()
	writer.Wait()
	require.True(t, writeErr == nil || errors.Is(writeErr, context.Canceled), "%v", writeErr)
	require.Greater(t, len(seen), 5, "money moved meanwhile")
	require.Greater(t, moved, 20)
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
