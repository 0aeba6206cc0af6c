package catalog_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/catalog"
)

// manyTables makes n tables of 12 columns, each with three indexes, a CHECK, a comment and a reference to another.
func manyTables(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `CREATE TABLE t%[1]d (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, external_id varchar(255),
			name text NOT NULL, email varchar(320), status varchar(32) CHECK (status IN ('open', 'won', 'lost')), amount numeric(18,2),
			tags text[], data jsonb DEFAULT '{}', parent_id uuid, created_at timestamptz DEFAULT now(), deleted_at timestamptz, UNIQUE (tenant_id, id));
			CREATE UNIQUE INDEX ON t%[1]d (tenant_id, external_id) WHERE deleted_at IS NULL; CREATE UNIQUE INDEX ON t%[1]d (tenant_id, lower(email));
			COMMENT ON TABLE t%[1]d IS E'Rows.\n@match external_id\n@match lower(email)'; COMMENT ON COLUMN t%[1]d.name IS 'A name.';
			ALTER TABLE t%[1]d ADD FOREIGN KEY (tenant_id, parent_id) REFERENCES t%[2]d (tenant_id, id);`, i, max(0, i-7))
	}
	return b.String()
}

type counter struct{ queries atomic.Int64 }

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if data.SQL != "begin" && data.SQL != "rollback" {
		c.queries.Add(1)
	}
	return ctx
}

func (c *counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func TestReadRunsAHandfulOfStatementsWhateverTheNumberOfTables(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, n := range []int{1, 60} {
		p := newProduct(t, manyTables(n))
		cfg, err := pgx.ParseConfig(p.db.ServiceURL)
		require.NoError(t, err)
		count := &counter{}
		cfg.Tracer = count
		conn, err := pgx.ConnectConfig(ctx, cfg)
		require.NoError(t, err)
		defer func() { require.NoError(t, conn.Close(ctx)) }()
		tx, err := conn.Begin(ctx)
		require.NoError(t, err)
		s, err := catalog.Read(ctx, tx, config())
		require.NoError(t, err)
		require.Len(t, s.Tables, n)
		require.NoError(t, tx.Rollback(ctx))
		require.Equal(t, int64(8), count.queries.Load())
	}
}

func BenchmarkRead300(b *testing.B) {
	p := newProduct(b, manyTables(300))
	p.exec(b, "ANALYZE")
	for b.Loop() {
		require.Len(b, p.read(b, config()).Tables, 300)
	}
}

func BenchmarkFingerprint300(b *testing.B) {
	ctx := context.Background()
	p := newProduct(b, manyTables(300))
	p.exec(b, "ANALYZE")
	cache := catalog.NewCache(p.service, config(), quiet())
	for b.Loop() {
		require.NoError(b, cache.Refresh(ctx))
	}
}
