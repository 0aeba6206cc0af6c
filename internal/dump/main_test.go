package dump

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"wharf/internal/catalog"
	"wharf/internal/fieldcrypt"
	"wharf/internal/tenancy"
	"wharf/internal/testenv"
)

func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked { // each check makes a schema and restores into it half a dozen times
		if err := flag.Set("rapid.checks", "30"); err != nil {
			panic(err) //nolint:forbidigo // there is no test to fail yet
		}
	}
	goleak.VerifyTestMain(m)
}

// yard is a database with the sample product, tables of a test's own, and a tenant whose staging is looked at.
type yard struct {
	service  *pgxpool.Pool
	db       *tenancy.DB
	ring     *fieldcrypt.Ring
	snapshot *catalog.Snapshot
	tenant   uuid.UUID
}

func newYard(t testing.TB, ddl string) *yard {
	t.Helper()
	env := testenv.Sample(t)
	ctx := context.Background()
	if ddl != "" {
		_, err := env.Owner(t).Exec(ctx, ddl)
		require.NoError(t, err)
	}
	ring, err := fieldcrypt.New(testenv.FieldKeys)
	require.NoError(t, err)
	y := &yard{service: env.Service(t), ring: ring, tenant: uuid.New()}
	y.db = &tenancy.DB{Pool: y.service, Wall: tenancy.Wall{Setting: "app.tenant_id"}}
	require.NoError(t, pgx.BeginFunc(ctx, y.service, func(tx pgx.Tx) (err error) {
		y.snapshot, err = catalog.Read(ctx, tx, catalog.Config{
			Schemas: []string{"public"}, TenantColumn: "tenant_id", TenantTable: "wharf.tenants", TenantSetting: "app.tenant_id",
		})
		return err
	}))
	return y
}

func (y *yard) spec() Spec {
	return Spec{DB: y.db, Tenant: y.tenant, Catalog: y.snapshot, Crypt: y.ring, Prefix: "d_" + strings.ReplaceAll(uuid.NewString(), "-", "")}
}

// stagedDocument is what was in staging before it was rolled back.
type stagedDocument struct {
	head     head
	warnings []string
	tables   map[string]*staged
	order    []string
	rows     map[string][]map[string]string // by table, in order of n: by column of staging, as text; NULL is missing
}

var errTakeBack = errors.New("take it back")

// stage stages a source, looks at it by look, and takes it back.
func (y *yard) stage(spec Spec, src Source, look func(ctx context.Context, tx pgx.Tx, d *stagedDocument) error) (*stagedDocument, error) {
	d := &stagedDocument{tables: map[string]*staged{}, rows: map[string][]map[string]string{}}
	err := tenancy.Tx(context.Background(), y.db, tenancy.System(y.tenant), func(ctx context.Context, tx pgx.Tx) error {
		var tables []*staged
		var err error
		if d.head, tables, d.warnings, err = stage(ctx, tx, spec, src); err != nil {
			return err
		}
		for _, s := range tables {
			d.tables[s.table.Name] = s
			d.order = append(d.order, s.table.Name)
		}
		if look != nil {
			if err := look(ctx, tx, d); err != nil {
				return err
			}
		}
		return errTakeBack
	})
	if errors.Is(err, errTakeBack) {
		err = nil
	}
	return d, err
}

// read stages a source and reads all of staging.
func (y *yard) read(t testing.TB, src Source) *stagedDocument {
	t.Helper()
	spec := y.spec()
	d, err := y.stage(spec, src, func(ctx context.Context, tx pgx.Tx, d *stagedDocument) error {
		names := map[string]string{}
		for name, s := range d.tables {
			names[name] = s.name
		}
		users := usersTable(&spec)
		var there bool
		if err := tx.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, users).Scan(&there); err != nil {
			return err
		}
		if there {
			names["user_refs"] = users
		}
		for name, staging := range names {
			if err := d.look(ctx, tx, name, staging); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
	return d
}

func (d *stagedDocument) look(ctx context.Context, tx pgx.Tx, name, staging string) error {
	rows, err := tx.Query(ctx, `SELECT * FROM `+staging+` ORDER BY 1`, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		return err
	}
	columns := map[string]string{}
	if s := d.tables[name]; s != nil {
		for _, c := range s.table.Columns {
			columns[cellName(c)] = c.Name
		}
	}
	d.rows[name], err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (map[string]string, error) {
		out := map[string]string{}
		for i, raw := range row.RawValues() {
			key := row.FieldDescriptions()[i].Name
			if columns[key] != "" {
				key = "." + columns[key]
			}
			if raw != nil {
				out[key] = string(raw)
			}
		}
		return out, nil
	})
	return err
}

// doc makes a document of members, with a version.
func doc(members string) string { return `{"schema_version":1,` + members + `}` }

func (y *yard) readText(t testing.TB, text string) *stagedDocument {
	t.Helper()
	return y.read(t, Document(strings.NewReader(text), Limits{}))
}

// refuses stages a document that is wrong, and gives the error's message.
func (y *yard) refuses(t testing.TB, text string) string {
	t.Helper()
	_, err := y.stage(y.spec(), Document(strings.NewReader(text), Limits{}), nil)
	require.Error(t, err, text)
	return err.Error()
}

// absentOf gives the names of the columns that a row does not give.
func (d *stagedDocument) absentOf(table string, n int) []string {
	s := d.tables[table]
	nums := map[string]bool{}
	if list, ok := d.rows[table][n-1]["absent"]; ok {
		for _, num := range strings.Split(strings.Trim(list, "{}"), ",") {
			nums[num] = true
		}
	} else {
		for _, num := range s.base {
			nums[fmt.Sprint(num)] = true
		}
	}
	var names []string
	for _, c := range s.table.Columns {
		if nums[fmt.Sprint(c.Num)] {
			names = append(names, c.Name)
		}
	}
	return names
}
