package dump_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/catalog"
	"wharf/internal/dump"
	"wharf/internal/fault"
	"wharf/internal/tenancy"
)

const noRowSecurity = `DO $$ DECLARE t regclass; BEGIN
	FOR t IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP
		EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', t);
	END LOOP; END $$`

// TestAnotherTenantsIdsLeadNowhere puts another tenant's ids into every column that refers to something, of every table, and
// calls the document our own. Once it is done with row security switched off: each statement keeps to the tenant by itself.
func TestAnotherTenantsIdsLeadNowhere(t *testing.T) {
	t.Parallel()
	for _, behind := range []bool{true, false} {
		t.Run(map[bool]string{true: "behind row security", false: "without row security"}[behind], func(t *testing.T) {
			t.Parallel()
			w := newTown(t, "")
			if !behind {
				w.exec(t, noRowSecurity)
			}
			stranger := w.user(t, "stranger@elsewhere.example", w.theirs)
			ada := w.user(t, "ada@acme.example", w.ours)
			w.seed(t, w.theirs, 1, stranger)
			w.seed(t, w.ours, 2, ada)
			before := w.untouched(t, w.theirs)
			flat := w.export(t, w.theirs, "json")
			doc := strangers(t, w.snapshot, flat, w.ours)
			require.Equal(t, w.rehearse(t, renamed(doc, w.ours)), w.rehearse(t, doc), "another tenant's row and none at all are told apart")
			w.restore(t, doc)
			require.Equal(t, before, w.untouched(t, w.theirs))
			w.ownReferences(t)
			// The same rows under their own ids, so that they refer to each other.
			w.restore(t, strings.Replace(flat, w.theirs.String(), w.ours.String(), 1))
			require.Equal(t, before, w.untouched(t, w.theirs))
			w.ownReferences(t)
		})
	}
}

var anyUUID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// renamed gives the document with every id but one replaced by another that nobody has, which sorts alike.
func renamed(doc string, but uuid.UUID) string {
	return anyUUID.ReplaceAllStringFunc(doc, func(id string) string {
		if id == but.String() {
			return id
		}
		return id[:24] + uuid.NewSHA1(uuid.NameSpaceDNS, []byte(id)).String()[24:]
	})
}

// strangers gives a document of the workspace with the rows of another document, all of which go by other ids: whatever refers
// to one of them by its own leads out of the document. Every column that can refer to something does so in some row.
func strangers(t require.TestingT, snapshot *catalog.Snapshot, flat string, workspace uuid.UUID) string {
	rows, tried := map[string][]any{}, map[string]bool{}
	for i, n := range graphOf(t, snapshot, flat).nodes {
		for _, name := range referring(n.table) {
			if raw := n.row[name]; raw != nil && string(raw) != "null" {
				tried[n.table.Name+"."+name] = true
			}
		}
		for _, c := range n.table.Columns {
			if n.translated(c) && !slices.Contains(referring(n.table), c.Name) {
				n.row[c.Name] = json.RawMessage(fmt.Sprint(1_000_000 + i))
				if c.Kind == catalog.KindUUID {
					n.row[c.Name] = json.RawMessage(`"` + uuid.NewString() + `"`)
				}
			}
		}
		rows[n.table.Name] = append(rows[n.table.Name], n.row)
	}
	require.Equal(t, references(snapshot), tried, "columns that refer to something and are not tried")
	var members []string
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		members = append(members, encode(t, name)+": "+encode(t, rows[name]))
	}
	return documentOf(workspace, members...)
}

// references names the columns that refer to something in tables that documents hold.
func references(snapshot *catalog.Snapshot) map[string]bool {
	all := map[string]bool{}
	for _, table := range snapshot.Tables {
		if table.Operational {
			continue
		}
		for _, name := range referring(table) {
			all[table.Name+"."+name] = true
		}
	}
	return all
}

// referring gives the columns of a table that hold ids of others.
func referring(table *catalog.Table) []string {
	var names []string
	for _, k := range table.ForeignKeys {
		columns, _ := k.Pairs(table)
		names = append(names, columns...)
	}
	for _, p := range table.Polys {
		names = append(names, p.IDColumn)
	}
	for _, c := range table.Columns {
		if c.Tags.User {
			names = append(names, c.Name)
		}
	}
	return names
}

// ownReferences requires that every reference of our rows leads to a row of ours, or to a member.
func (w *town) ownReferences(t require.TestingT) {
	ours := `'` + w.ours.String() + `'::uuid`
	lost := func(table *catalog.Table, what, condition string) {
		require.Equal(t, "0", w.one(t, `SELECT count(*) FROM `+table.Ident()+` x WHERE `+table.TenantPredicate("x", ours)+` AND `+condition), what)
	}
	for _, table := range w.snapshot.Tables {
		for _, k := range table.ForeignKeys {
			columns, targets := k.Pairs(table)
			if k.Target == nil {
				continue
			}
			filled, same := []string{}, []string{}
			for i, c := range columns {
				filled = append(filled, fmt.Sprintf(`x.%q IS NOT NULL`, c))
				same = append(same, fmt.Sprintf(`y.%q = x.%q`, targets[i], c))
			}
			lost(table, table.Name+"."+k.Name, fmt.Sprintf(`%s AND NOT EXISTS (SELECT FROM %s y WHERE %s AND %s)`,
				strings.Join(filled, " AND "), k.Target.Ident(), strings.Join(same, " AND "), k.Target.TenantPredicate("y", ours)))
		}
		for _, p := range table.Polys {
			found := []string{"false"}
			for kind, target := range p.Targets {
				found = append(found, fmt.Sprintf(`x.%q = '%s' AND EXISTS (SELECT FROM %s y WHERE y.%q = x.%q AND %s)`,
					p.TypeColumn, kind, target.Ident(), ownKey(target)[0], p.IDColumn, target.TenantPredicate("y", ours)))
			}
			lost(table, table.Name+"."+p.IDColumn, fmt.Sprintf(`x.%q IS NOT NULL AND NOT (%s)`, p.IDColumn, strings.Join(found, " OR ")))
		}
		for _, c := range table.Columns {
			if c.Tags.User {
				lost(table, table.Name+"."+c.Name, fmt.Sprintf(`x.%q IS NOT NULL AND NOT EXISTS (SELECT FROM wharf.memberships m WHERE m.tenant_id = %s AND m.user_id = x.%q)`, c.Name, ours, c.Name))
			}
		}
	}
}

func TestATransactionOfAnotherTenantOrNoneIsRefused(t *testing.T) {
	t.Parallel()
	w := newTown(t, "")
	ctx := context.Background()
	for what, begin := range map[string]func(fn func(tx pgx.Tx) error) error{
		"another tenant's": func(fn func(tx pgx.Tx) error) error {
			return tenancy.Tx(ctx, w.db, tenancy.System(w.theirs), func(_ context.Context, tx pgx.Tx) error { return fn(tx) })
		},
		"nobody's": func(fn func(tx pgx.Tx) error) error { return pgx.BeginFunc(ctx, w.service, fn) },
	} {
		err := begin(func(tx pgx.Tx) error {
			_, err := dump.Restore(ctx, tx, w.spec(), dump.Document(unread{t}, dump.Limits{}))
			return err
		})
		require.ErrorIs(t, err, tenancy.ErrNoTenant, what)
	}
}

// unread is a document that nobody may read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the document was read")
	return 0, io.EOF
}

// TestTheTenantColumnOfADocumentIsNotRead has rows that say they are another tenant's.
func TestTheTenantColumnOfADocumentIsNotRead(t *testing.T) {
	t.Parallel()
	w := newTown(t, "")
	before := w.untouched(t, w.theirs)
	report := w.restore(t, documentOf(w.theirs, `"companies": [{"tenant_id": "`+w.theirs.String()+`", "external_id": "A", "name": "a"}, {"workspace_id": "`+w.theirs.String()+`", "external_id": "B", "name": "b"}]`))
	require.EqualValues(t, 2, report.Created["companies"])
	require.Equal(t, []string{"A", "B"}, w.query(t, `SELECT external_id FROM companies WHERE tenant_id = $1 ORDER BY 1`))
	require.Equal(t, before, w.untouched(t, w.theirs))
}

// TestNamesThatAnotherTenantUsesTooAreNotItsRows has tables whose rows go by names within their tenant, and no row security.
func TestNamesThatAnotherTenantUsesTooAreNotItsRows(t *testing.T) {
	t.Parallel()
	w := newTown(t, oddTables+`
CREATE TABLE public.parts (tenant_id uuid NOT NULL, code text NOT NULL, label text, part_of text, PRIMARY KEY (tenant_id, code),
	FOREIGN KEY (tenant_id, part_of) REFERENCES public.parts);
CREATE TABLE public.keepers (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, room text, place integer,
	FOREIGN KEY (tenant_id, room, place) REFERENCES public.shelves);`)
	w.exec(t, noRowSecurity)
	for _, tenant := range []string{"$1", "$2"} {
		w.fill(t, strings.ReplaceAll(`INSERT INTO shelves VALUES ($x, 'r', 1, 'old'), ($x, 'r', 2, 'old');
			INSERT INTO books (tenant_id, isbn, room, place) VALUES ($x, 'i', 'r', 1);
			INSERT INTO parts VALUES ($x, 'a', 'old', NULL), ($x, 'b', 'old', 'a'), ($x, 'c', 'old', NULL)`, "$x", tenant))
	}
	w.fill(t, `INSERT INTO shelves VALUES ($2, 'r', 3, 'theirs'); INSERT INTO parts VALUES ($2, 'theirs', 'theirs', NULL)`)
	before := w.untouched(t, w.theirs)
	report := w.restore(t, documentOf(w.ours,
		`"shelves": [{"room": "r", "place": 1, "label": "new"}, {"room": "r", "place": 4, "label": "new"}]`,
		`"books": [{"isbn": "i", "room": "r", "place": 4}]`, `"keepers": [{"room": "r", "place": 3}, {"room": "r", "place": 2}]`,
		`"parts": [{"code": "a", "label": "new", "part_of": "c"}, {"code": "b", "label": "new", "part_of": "theirs"}, {"code": "d", "label": "new", "part_of": "a"}]`), verified)
	require.Equal(t, before, w.untouched(t, w.theirs))
	require.Equal(t, []string{"r|1|new", "r|2|old", "r|4|new"}, w.query(t, `SELECT room, place, label FROM shelves WHERE tenant_id = $1 ORDER BY 2`))
	require.Equal(t, []string{"a|new|c", "b|new|∅", "c|old|∅", "d|new|a"}, w.query(t, `SELECT code, label, part_of FROM parts WHERE tenant_id = $1 ORDER BY 1`))
	require.Equal(t, []string{"r|2", "∅|∅"}, w.query(t, `SELECT room, place FROM keepers WHERE tenant_id = $1 ORDER BY 1`))
	require.Equal(t, dump.Verified{Equal: 3}, report.Verified["parts"])
	w.ownReferences(t)
}

// TestNamesThatAreOursDoNotTogetherNameARowOfAnotherTenant has a foreign key of two columns each of which refers by itself, too.
func TestNamesThatAreOursDoNotTogetherNameARowOfAnotherTenant(t *testing.T) {
	t.Parallel()
	w := newTown(t, `
CREATE TABLE public.halls (name text PRIMARY KEY, tenant_id uuid NOT NULL);
CREATE TABLE public.aisles (name text PRIMARY KEY, tenant_id uuid NOT NULL);
CREATE TABLE public.seats (hall text, aisle text, tenant_id uuid NOT NULL, PRIMARY KEY (hall, aisle));
CREATE TABLE public.tickets (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, hall text REFERENCES public.halls, aisle text REFERENCES public.aisles,
	FOREIGN KEY (hall, aisle) REFERENCES public.seats);`)
	w.fill(t, `INSERT INTO halls VALUES ('h', $1), ('i', $1); INSERT INTO aisles VALUES ('a', $1); INSERT INTO seats VALUES ('h', 'a', $2), ('i', 'a', $1)`)
	before := w.unwritten(t, w.theirs)
	w.restore(t, document(`"tickets": [{"hall": "i", "aisle": "a"}]`))
	_, err := w.try(document(`"tickets": [{"hall": "h", "aisle": "a"}]`))
	require.Equal(t, fault.Invalid, fault.CodeOf(err), "%v", err)
	names(t, err, "tickets", "hall", "aisle")
	require.Equal(t, before, w.unwritten(t, w.theirs)) // Postgres may have locked the row to check the reference, before it was refused
	w.ownReferences(t)
}

// TestAKeyOfAnotherTenantIsNoKeyOfOurs restores rows whose natural keys another tenant has, in every table.
func TestAKeyOfAnotherTenantIsNoKeyOfOurs(t *testing.T) {
	t.Parallel()
	w := newTown(t, "")
	w.exec(t, noRowSecurity)
	w.seed(t, w.theirs, 1)
	before := w.untouched(t, w.theirs)
	flat := w.export(t, w.theirs, "json")
	report := w.restore(t, flat)
	for _, table := range w.snapshot.Tables {
		require.Zero(t, report.Updated[table.Name]+report.Unchanged[table.Name], table.Name)
	}
	w.restore(t, flat)
	require.Equal(t, before, w.untouched(t, w.theirs))
	w.ownReferences(t)
	require.False(t, slices.Contains(w.query(t, `SELECT storage_key FROM files WHERE tenant_id = $1`), ""), "files have keys")
}
