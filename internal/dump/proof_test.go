package dump_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"wharf/internal/audit"
	"wharf/internal/catalog"
	"wharf/internal/dump"
	"wharf/internal/exporter"
	"wharf/internal/fieldcrypt"
	"wharf/internal/sample"
	"wharf/internal/tenancy"
	"wharf/internal/testenv"
)

// town is a database with the sample product and two tenants, of which documents are merged into ours.
type town struct {
	env          *testenv.DB
	admin        *pgxpool.Pool
	service      *pgxpool.Pool
	db           *tenancy.DB
	ring         *fieldcrypt.Ring
	config       catalog.Config
	snapshot     *catalog.Snapshot
	ours, theirs uuid.UUID
}

// wall follows the tables of a test's own that have the tenant's column: they get what the product's have.
const wall = `;
DO $$ DECLARE t regclass; BEGIN
	FOR t IN SELECT c.oid FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT c.relrowsecurity
	LOOP
		EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY wall ON %s USING (tenant_id = (SELECT nullif(current_setting(''app.tenant_id'', true), '''')::uuid))', t);
	END LOOP;
END $$`

// newTown gives a town to which the tables that ddl makes are added.
func newTown(t testing.TB, ddl string) *town {
	t.Helper()
	env := testenv.Sample(t)
	if ddl != "" {
		_, err := env.Owner(t).Exec(context.Background(), ddl+wall)
		require.NoError(t, err)
	}
	ring, err := fieldcrypt.New(testenv.FieldKeys)
	require.NoError(t, err)
	w := &town{
		env: env, admin: env.Admin(t), service: env.Service(t), ring: ring, ours: env.Tenant(t, "ours"), theirs: env.Tenant(t, "theirs"),
		config: catalog.Config{Schemas: []string{"public"}, TenantColumn: "tenant_id", TenantTable: "wharf.tenants", TenantSetting: "app.tenant_id"},
	}
	w.db = &tenancy.DB{Pool: w.service, Wall: tenancy.Wall{Setting: "app.tenant_id"}}
	w.snapshot = w.read(t)
	return w
}

// read gives the catalog as it is now.
func (w *town) read(t require.TestingT) *catalog.Snapshot {
	var s *catalog.Snapshot
	require.NoError(t, pgx.BeginFunc(context.Background(), w.service, func(tx pgx.Tx) (err error) {
		s, err = catalog.Read(context.Background(), tx, w.config)
		return err
	}))
	return s
}

// anew gives the same database with tenants that have no rows yet, for a subtest of its own.
func (w *town) anew(t testing.TB) *town {
	t.Helper()
	fork := *w
	fork.ours, fork.theirs = w.env.Tenant(t, "ours-"+uuid.NewString()), w.env.Tenant(t, "theirs-"+uuid.NewString())
	return &fork
}

// seed fills the sample product's tables for a tenant.
func (w *town) seed(t testing.TB, tenant uuid.UUID, seed uint64, users ...uuid.UUID) {
	t.Helper()
	conn, err := w.admin.Acquire(context.Background())
	require.NoError(t, err)
	defer conn.Release()
	place := func(table, column string) fieldcrypt.Column {
		return fieldcrypt.Column{Tenant: tenant, Table: "public." + table, Column: column}
	}
	_, err = sample.Seed(context.Background(), conn.Conn(), sample.Config{
		TenantID: tenant, Rows: 20, Seed: seed, Users: users, Now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC),
		Encrypt: func(table, column string, plain []byte) ([]byte, error) {
			return w.ring.Seal(nil, plain, place(table, column))
		},
		Hash: func(table, column string, plain []byte) ([]byte, error) {
			return w.ring.Hash(nil, plain, place(table, column)), nil
		},
	})
	require.NoError(t, err)
}

// user adds a user, who is a member of the tenants.
func (w *town) user(t testing.TB, email string, tenants ...uuid.UUID) uuid.UUID {
	t.Helper()
	var id uuid.UUID
	require.NoError(t, w.admin.QueryRow(context.Background(), `INSERT INTO wharf.users (email) VALUES ($1) RETURNING id`, email).Scan(&id))
	for _, tenant := range tenants {
		w.exec(t, `INSERT INTO wharf.memberships (tenant_id, user_id, role) VALUES ($1, $2, 'member')`, tenant, id)
	}
	return id
}

func (w *town) spec() dump.Spec {
	name := "p" + strings.ReplaceAll(uuid.NewString(), "-", "")[:16]
	return dump.Spec{DB: w.db, Tenant: w.ours, Catalog: w.snapshot, Crypt: w.ring, Prefix: name}
}

var errRollBack = errors.New("roll back")

// try merges the document into ours, changed as the functions say, and commits unless it fails.
func (w *town) try(doc string, change ...func(*dump.Spec)) (dump.Report, error) {
	return w.run(doc, true, change...)
}

func (w *town) run(doc string, commit bool, change ...func(*dump.Spec)) (dump.Report, error) {
	spec := w.spec()
	for _, fn := range change {
		fn(&spec)
	}
	var report dump.Report
	err := tenancy.Tx(context.Background(), w.db, tenancy.System(spec.Tenant), func(ctx context.Context, tx pgx.Tx) (err error) {
		if report, err = dump.Restore(ctx, tx, spec, dump.Document(strings.NewReader(doc), dump.Limits{})); err == nil && !commit {
			err = errRollBack
		}
		return err
	})
	if errors.Is(err, errRollBack) {
		err = nil
	}
	return report, err
}

// into turns a restore to another tenant.
func into(tenant uuid.UUID) func(*dump.Spec) { return func(s *dump.Spec) { s.Tenant = tenant } }

// verified asks for the comparison after the merge.
func verified(s *dump.Spec) { s.Verify = true }

// restore merges the document into ours.
func (w *town) restore(t require.TestingT, doc string, change ...func(*dump.Spec)) dump.Report {
	report, err := w.try(doc, change...)
	require.NoError(t, err)
	return report
}

// rehearse does what restore does, and rolls back.
func (w *town) rehearse(t require.TestingT, doc string, change ...func(*dump.Spec)) dump.Report {
	report, err := w.run(doc, false, change...)
	require.NoError(t, err)
	return report
}

// export gives the document of a tenant with all that can be in it: of format dump, or the flat one of format json.
func (w *town) export(t require.TestingT, tenant uuid.UUID, format string) string {
	pool := w.service
	s := exporter.New(exporter.Config{
		Pool: pool, DB: w.db, TenantTable: "wharf.tenants", Version: "test", Crypt: w.ring, Readers: 1, Audit: audit.New(pool, w.db),
		Catalog: catalog.NewCache(pool, w.config, slog.New(slog.DiscardHandler)).In,
	})
	var out bytes.Buffer
	open := func(string) io.Writer { return &out }
	if format == exporter.FormatJSON {
		require.NoError(t, s.Stream(context.Background(), tenancy.System(tenant), open))
		return out.String()
	}
	var optional []string
	for _, table := range w.snapshot.Tables {
		if table.Optional != "" {
			optional = append(optional, table.Optional)
		}
	}
	require.NoError(t, s.StreamDump(context.Background(), tenancy.System(tenant), optional, open))
	return out.String()
}

// document is a document from elsewhere with these members, e.g. "contacts": `[…]`.
func document(members ...string) string { return documentOf(uuid.New(), members...) }

// documentOf is a document of the workspace.
func documentOf(workspace uuid.UUID, members ...string) string {
	all := append([]string{
		`"schema_version": 1`, `"wharf_version": "test"`, `"exported_at": "2026-05-01T12:00:00Z"`, `"scope": "full"`,
		`"workspace": {"id": "` + workspace.String() + `", "slug": "elsewhere"}`,
	}, members...)
	return "{" + strings.Join(all, ",\n") + "}"
}

// id gives a fixed id for a letter or number, to be used in documents.
func id(n int) string { return uuid.NewSHA1(uuid.NameSpaceOID, []byte{byte(n)}).String() }

func (w *town) exec(t require.TestingT, sql string, args ...any) {
	_, err := w.admin.Exec(context.Background(), sql, args...)
	require.NoError(t, err, sql)
}

// fill adds rows that were there before; $1 stands for our tenant, $2 for the other.
func (w *town) fill(t require.TestingT, sql string) { w.exec(t, w.named(sql)) }

func (w *town) named(sql string) string {
	return strings.NewReplacer("$1", "'"+w.ours.String()+"'", "$2", "'"+w.theirs.String()+"'").Replace(sql)
}

// query gives the rows as an administrator sees them, cells joined by "|"; $1 stands for our tenant, $2 for the other.
func (w *town) query(t require.TestingT, sql string) []string {
	r, err := w.admin.Query(context.Background(), w.named(sql), pgx.QueryExecModeExec)
	require.NoError(t, err)
	out, err := pgx.CollectRows(r, func(row pgx.CollectableRow) (string, error) {
		var cells []string
		for _, raw := range row.RawValues() {
			if raw == nil {
				cells = append(cells, "∅")
			} else {
				cells = append(cells, string(raw))
			}
		}
		return strings.Join(cells, "|"), nil
	})
	require.NoError(t, err, sql)
	return out
}

func (w *town) one(t require.TestingT, sql string) string {
	out := w.query(t, sql)
	require.Len(t, out, 1, sql)
	return out[0]
}

// untouched gives a checksum of every table's rows of a tenant, with all that Postgres notes of a row's fate: who wrote it,
// who locked it.
func (w *town) untouched(t require.TestingT, tenant uuid.UUID) map[string]string {
	return w.sums(t, tenant, `x::text || x.ctid || x.xmin || x.xmax`)
}

// unwritten is untouched but for locks: a row that another was made to refer to is still the same.
func (w *town) unwritten(t require.TestingT, tenant uuid.UUID) map[string]string {
	return w.sums(t, tenant, `x::text || x.ctid || x.xmin`)
}

func (w *town) sums(t require.TestingT, tenant uuid.UUID, of string) map[string]string {
	sums := map[string]string{}
	for _, table := range w.snapshot.Tables {
		sums[table.Name] = w.one(t, `SELECT count(*) || ' rows ' || coalesce(md5(string_agg(`+of+`, E'\n' ORDER BY x::text)), '')
			FROM `+table.Ident()+` x WHERE `+table.TenantPredicate("x", `'`+tenant.String()+`'::uuid`))
	}
	return sums
}

// none is a count of nothing, for each of the tables.
func none(tables ...string) map[string]int64 {
	counts := map[string]int64{}
	for _, t := range tables {
		counts[t] = 0
	}
	return counts
}

// about gives the warnings that hold the word.
func about(report dump.Report, word string) []string {
	return slices.DeleteFunc(slices.Clone(report.Warnings), func(w string) bool { return !strings.Contains(w, word) })
}

// encode gives v as JSON.
func encode(t require.TestingT, v any) string {
	out, err := json.Marshal(v)
	require.NoError(t, err)
	return string(out)
}
