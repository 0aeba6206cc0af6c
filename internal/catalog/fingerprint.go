package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Every change of a catalog row gives it another xmin, and a row that comes or goes changes the sum. Enum labels and
// domains are taken from all schemas, since a table's types need not live beside it. Statistics are updated in place and
// do not count; membership in roles is not looked at.
const fingerprintSQL = `
WITH space AS (SELECT n.oid, n.xmin FROM pg_catalog.pg_namespace n WHERE n.nspname = ANY ($1)),
     rel AS (SELECT c.oid, c.xmin, c.relkind FROM pg_catalog.pg_class c WHERE c.relnamespace IN (SELECT oid FROM space)),
     fact(what, xmin) AS (
    SELECT 'n' || oid, xmin FROM space
    UNION ALL SELECT 'c' || oid, xmin FROM rel
    UNION ALL SELECT 'a' || attrelid || ' ' || attnum, a.xmin FROM pg_catalog.pg_attribute a JOIN rel ON rel.oid = a.attrelid
        WHERE attnum > 0 AND relkind IN ('r', 'p', 'f')
    UNION ALL SELECT 'd' || d.oid, d.xmin FROM pg_catalog.pg_attrdef d JOIN rel ON rel.oid = adrelid
    UNION ALL SELECT 'k' || k.oid, k.xmin FROM pg_catalog.pg_constraint k LEFT JOIN rel ON rel.oid = conrelid
        WHERE rel.oid IS NOT NULL OR contypid <> 0
    UNION ALL SELECT 'i' || indexrelid, i.xmin FROM pg_catalog.pg_index i JOIN rel ON rel.oid = indrelid
    UNION ALL SELECT 'p' || p.oid, p.xmin FROM pg_catalog.pg_policy p JOIN rel ON rel.oid = polrelid
    UNION ALL SELECT 'h' || inhrelid || ' ' || inhparent, h.xmin FROM pg_catalog.pg_inherits h JOIN rel ON rel.oid = inhrelid
    UNION ALL SELECT 't' || t.oid, t.xmin FROM pg_catalog.pg_type t WHERE typtype IN ('d', 'e')
    UNION ALL SELECT 'e' || e.oid, e.xmin FROM pg_catalog.pg_enum e
    UNION ALL SELECT 's' || objoid || ' ' || objsubid, s.xmin FROM pg_catalog.pg_description s JOIN rel ON rel.oid = objoid
        WHERE classoid = 'pg_catalog.pg_class'::regclass)
SELECT md5(count(*) || ' ' || coalesce(sum(hashtextextended(what || ' ' || xmin, 0)), 0)) FROM fact`

// querier is what runs one statement: a transaction, a connection or a pool.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// fingerprint gives a value that changes with the tables of the schemas, their types, comments and privileges.
func fingerprint(ctx context.Context, db querier, schemas []string) (string, error) {
	var sum string
	if err := db.QueryRow(ctx, fingerprintSQL, schemas).Scan(&sum); err != nil {
		return "", fmt.Errorf("read the fingerprint: %w", err)
	}
	return sum, nil
}
