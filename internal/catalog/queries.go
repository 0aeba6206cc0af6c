package catalog

// The statements that Read runs, each once, whatever the number of tables. search_path is empty meanwhile, so that
// Postgres prints names outside pg_catalog with their schema; relations are qualified because a temporary table would
// come before pg_catalog even then.

// Planning for JIT would take longer than running: the planner expects far more rows of a catalog than there are.
const enterSQL = `
WITH before AS MATERIALIZED (
    SELECT pg_catalog.current_setting('search_path') AS path, pg_catalog.current_setting('jit') AS jit)
SELECT path, jit, ARRAY(SELECT n.nspname::text FROM pg_catalog.pg_namespace n WHERE n.nspname = ANY ($1)) AS schemas,
       pg_catalog.set_config('search_path', '', true), pg_catalog.set_config('jit', 'off', true)
FROM before`

const leaveSQL = `SELECT pg_catalog.set_config('search_path', $1, true), pg_catalog.set_config('jit', $2, true)`

type relationRow struct {
	OID         uint32
	Schema      string
	Relation    string
	Kind        string   // r ordinary, p partitioned, f foreign
	IsPartition bool     //
	Ancestors   []uint32 // that it is a partition or inherited child of
	Comment     string
	Readable    bool
	RLSEnabled  bool
	RLSForced   bool
	RLSActive   bool     // for the role that reads the catalog
	HasPolicy   bool     // one that lets this role, or one it may become, see rows
	Settings    []string // that its policies read
	EstRows     int64
}

const relationsSQL = `
SELECT c.oid, n.nspname::text AS schema, c.relname::text AS relation, c.relkind::text AS kind, c.relispartition AS is_partition,
       ARRAY(WITH RECURSIVE up AS (
                 SELECT i.inhparent FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid
                 UNION SELECT i.inhparent FROM pg_catalog.pg_inherits i JOIN up ON i.inhrelid = up.inhparent)
             SELECT inhparent FROM up) AS ancestors,
       coalesce(d.description, '') AS comment,
       coalesce(has_schema_privilege(n.oid, 'USAGE') AND (has_table_privilege(c.oid, 'SELECT') OR NOT EXISTS (
           SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             AND NOT has_column_privilege(c.oid, a.attnum, 'SELECT'))), false) AS readable,
       c.relrowsecurity AS rls_enabled, c.relforcerowsecurity AS rls_forced, row_security_active(c.oid) AS rls_active,
       EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd IN ('r', '*')
           AND EXISTS (SELECT FROM unnest(p.polroles) r WHERE r = 0 OR pg_has_role(r, 'MEMBER'))) AS has_policy,
       ARRAY(SELECT DISTINCT m[1] FROM pg_catalog.pg_policy p,
                 regexp_matches(pg_get_expr(p.polqual, p.polrelid), 'current_setting\(''([^'']+)''', 'g') m
             WHERE p.polrelid = c.oid AND p.polcmd IN ('r', '*') ORDER BY 1) AS settings,
       CASE WHEN c.relkind = 'p' THEN coalesce((
           SELECT sum(l.reltuples) FILTER (WHERE l.reltuples >= 0) FROM pg_partition_tree(c.oid) t
           JOIN pg_catalog.pg_class l ON l.oid = t.relid WHERE t.isleaf), -1)::bigint
       ELSE c.reltuples::bigint END AS est_rows
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_description d
       ON d.classoid = 'pg_catalog.pg_class'::regclass AND d.objoid = c.oid AND d.objsubid = 0
WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p', 'f')
ORDER BY n.nspname, c.relname`

type columnRow struct {
	RelOID    uint32
	Name      string
	Num       int16
	TypeOID   uint32
	Typmod    int32
	Type      string
	NotNull   bool
	Generated bool
	Identity  string // "", a, d
	Default   string
	Volatile  bool // the default calls a volatile function
	Local     bool // not inherited
	Comment   string
}

// A default makes a new value each time if one of its functions is volatile; built-in ones have no dependency entries,
// so the expression tree is asked for their numbers.
const columnsSQL = `
SELECT a.attrelid AS rel_oid, a.attname::text AS name, a.attnum AS num, a.atttypid AS type_oid, a.atttypmod AS typmod,
       format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS not_null, a.attgenerated <> '' AS generated,
       a.attidentity::text AS identity, coalesce(pg_get_expr(e.adbin, e.adrelid), '') AS default,
       EXISTS (SELECT FROM regexp_matches(e.adbin::text, ':funcid (\d+)', 'g') m
               JOIN pg_catalog.pg_proc p ON p.oid = m[1]::oid WHERE p.provolatile = 'v') AS volatile,
       a.attislocal AS local, coalesce(d.description, '') AS comment
FROM pg_catalog.pg_attribute a
LEFT JOIN pg_catalog.pg_attrdef e ON e.adrelid = a.attrelid AND e.adnum = a.attnum
LEFT JOIN pg_catalog.pg_description d
       ON d.classoid = 'pg_catalog.pg_class'::regclass AND d.objoid = a.attrelid AND d.objsubid = a.attnum
WHERE a.attrelid = ANY ($1) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum`

type typeRow struct {
	OID        uint32
	Name       string
	Kind       string // typtype: b base, c composite, d domain, e enum, r range, m multirange
	Base       uint32 // of a domain
	BaseTypmod int32
	BaseFormat string
	NotNull    bool
	Element    uint32 // of an array, else 0
	Default    string // of a domain
	Volatile   bool
	Labels     []string
	Checks     []string // of a domain
}

// The given types, and what lies below domains and arrays.
const typesSQL = `
WITH RECURSIVE used(oid) AS (
    SELECT unnest($1::oid[])
    UNION
    SELECT below.oid FROM used u JOIN pg_catalog.pg_type t ON t.oid = u.oid
    CROSS JOIN LATERAL (VALUES (t.typbasetype), (t.typelem)) below(oid) WHERE below.oid <> 0)
SELECT t.oid, t.typname::text AS name, t.typtype::text AS kind, t.typbasetype AS base, t.typtypmod AS base_typmod,
       coalesce(format_type(nullif(t.typbasetype, 0), t.typtypmod), '') AS base_format, t.typnotnull AS not_null,
       CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.oid = t.typelem AND e.typarray = t.oid)
            THEN t.typelem ELSE 0 END AS element,
       coalesce(pg_get_expr(t.typdefaultbin, 0), '') AS default,
       EXISTS (SELECT FROM regexp_matches(t.typdefaultbin::text, ':funcid (\d+)', 'g') m
               JOIN pg_catalog.pg_proc p ON p.oid = m[1]::oid WHERE p.provolatile = 'v') AS volatile,
       ARRAY(SELECT l.enumlabel::text FROM pg_catalog.pg_enum l WHERE l.enumtypid = t.oid ORDER BY l.enumsortorder) AS labels,
       ARRAY(SELECT pg_get_expr(k.conbin, 0) FROM pg_catalog.pg_constraint k
             WHERE k.contypid = t.oid AND k.contype = 'c' ORDER BY k.conname) AS checks
FROM used u JOIN pg_catalog.pg_type t ON t.oid = u.oid`

type constraintRow struct {
	RelOID        uint32
	Name          string
	Kind          string // p primary key, f foreign key, c check
	Columns       []string
	Nums          []int16
	Check         string
	CheckTree     string
	TargetOID     uint32
	TargetSchema  string
	TargetName    string
	TargetColumns []string
	OnDelete      string
	Deferrable    bool
	Validated     bool
}

// A foreign key to a partitioned table has a copy for each of its partitions; only the one that was declared counts.
const constraintsSQL = `
SELECT k.conrelid AS rel_oid, k.conname::text AS name, k.contype::text AS kind,
       ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY u(num, nr)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num ORDER BY u.nr) AS columns,
       coalesce(k.conkey, '{}') AS nums,
       CASE WHEN k.contype = 'c' THEN coalesce(pg_get_expr(k.conbin, k.conrelid), '') ELSE '' END AS check,
       CASE WHEN k.contype = 'c' THEN coalesce(k.conbin::text, '') ELSE '' END AS check_tree,
       k.confrelid AS target_oid, coalesce(n.nspname::text, '') AS target_schema, coalesce(c.relname::text, '') AS target_name,
       ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY u(num, nr)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.num ORDER BY u.nr) AS target_columns,
       CASE k.confdeltype WHEN 'c' THEN 'cascade' WHEN 'r' THEN 'restrict' WHEN 'n' THEN 'set null'
            WHEN 'd' THEN 'set default' ELSE 'no action' END AS on_delete,
       k.condeferrable AS deferrable, k.convalidated AS validated
FROM pg_catalog.pg_constraint k
LEFT JOIN pg_catalog.pg_class c ON c.oid = k.confrelid
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE k.conrelid = ANY ($1) AND k.contype IN ('p', 'f', 'c')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint p WHERE p.oid = k.conparentid AND p.conrelid = k.conrelid)
ORDER BY k.conrelid, k.conkey, k.conname`

type indexRow struct {
	RelOID        uint32
	Name          string
	Nums          []int16  // of the keys; 0: an expression
	Texts         []string // of the keys, as pg_get_indexdef prints them
	KeyTree       string
	Predicate     string
	PredicateTree string
	IsPrimary     bool
	Immediate     bool
	NullsDistinct bool
}

// indnullsnotdistinct came with Postgres 15; through to_jsonb the statement serves older servers too.
const indexesSQL = `
SELECT i.indrelid AS rel_oid, c.relname::text AS name, (i.indkey::int2[])[0:i.indnkeyatts - 1] AS nums,
       ARRAY(SELECT coalesce(pg_get_indexdef(i.indexrelid, k, true), '') FROM generate_series(1, i.indnkeyatts) k ORDER BY k) AS texts,
       coalesce(i.indexprs::text, '') AS key_tree,
       coalesce(pg_get_expr(i.indpred, i.indrelid, true), '') AS predicate, coalesce(i.indpred::text, '') AS predicate_tree,
       i.indisprimary AS is_primary, i.indimmediate AS immediate,
       NOT coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) AS nulls_distinct
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = ANY ($1) AND i.indisunique AND i.indisvalid AND i.indislive
ORDER BY i.indrelid, c.relname`
