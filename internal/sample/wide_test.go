package sample_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/sample"
	"wharf/internal/testenv"
)

func TestWideRowsFitTheBenchTable(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := testenv.Sample(t)
	_, err := db.Owner(t).Exec(ctx, sample.BenchTableDDL)
	require.NoError(t, err)

	const rows = 20_000
	var file bytes.Buffer
	require.NoError(t, sample.Wide(&file, rows, 1))
	require.InDelta(t, 200, file.Len()/rows, 20, "bytes a row")
	header, _, _ := strings.Cut(file.String(), "\n")

	tenant := db.Tenant(t, "bench")
	conn, err := db.Admin(t).Acquire(ctx)
	require.NoError(t, err)
	defer conn.Release()
	_, err = conn.Exec(ctx, "ALTER TABLE "+sample.BenchTable+" ALTER tenant_id SET DEFAULT '"+tenant.String()+"'")
	require.NoError(t, err)
	tag, err := conn.Conn().PgConn().CopyFrom(ctx, &file, "COPY "+sample.BenchTable+" ("+header+") FROM STDIN (FORMAT csv, HEADER match)")
	require.NoError(t, err)
	require.EqualValues(t, rows, tag.RowsAffected())
	require.EqualValues(t, rows, query[int64](t, db.Service(t), tenant, "SELECT count(*) FROM "+sample.BenchTable)[0])
	require.Zero(t, query[int64](t, db.Service(t), db.Tenant(t, "other"), "SELECT count(*) FROM "+sample.BenchTable)[0])
}

func TestWideIsTheSameForTheSameSeed(t *testing.T) {
	t.Parallel()
	var one, two, other bytes.Buffer
	require.NoError(t, sample.Wide(&one, 3000, 1))
	require.NoError(t, sample.Wide(&two, 3000, 1))
	require.NoError(t, sample.Wide(&other, 3000, 2))
	require.Equal(t, one.Bytes(), two.Bytes())
	require.NotEqual(t, one.Bytes(), other.Bytes())
}

func BenchmarkWide(b *testing.B) {
	for b.Loop() {
		require.NoError(b, sample.Wide(io.Discard, 100_000, 1))
	}
	b.ReportMetric(100_000*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
