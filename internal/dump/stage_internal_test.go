package dump

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/fieldcrypt"
	"wharf/internal/load"
)

func TestRowsGoIntoStagingInTheirColumnsTypes(t *testing.T) {
	t.Parallel()
	y := newYard(t, "")
	d := y.readText(t, doc(`
		"contacts": [
			{"id": "018f6d2e-0000-7000-8000-000000000001", "tenant_id": "not even a uuid", "email": "ann@example.com", "tags": ["a", "b"],
			 "data": {"n": 12345678901234567890.12}, "created_at": "2026-01-02T03:04:05.678901+02:00", "company_id": null},
			{"email": "caf\u00e9 \ud83d\ude00", "id": "018f6d2e-0000-7000-8000-000000000002", "phone": 123, "title": true}
		],
		"companies": [{"name": "A\"B", "annual_revenue": 1234567890123456.78, "employee_count": 5e3}]`))
	require.Equal(t, []string{"companies", "contacts"}, d.order, "in the catalog's order")
	require.Empty(t, d.warnings)
	ann, zoe := d.rows["contacts"][0], d.rows["contacts"][1]
	require.Equal(t, "ann@example.com", ann[".email"])
	require.Equal(t, `["a", "b"]`, ann[".tags"])
	require.Equal(t, `{"n": 12345678901234567890.12}`, ann[".data"], "every digit")
	require.Equal(t, "2026-01-02 01:04:05.678901+00", ann[".created_at"])
	require.Equal(t, "018f6d2e-0000-7000-8000-000000000001", ann[".id"])
	require.NotContains(t, ann, ".company_id")
	require.NotContains(t, ann, ".tenant_id", "the tenant is never taken from a document")
	require.NotContains(t, ann, "up")
	require.Equal(t, "café 😀", zoe[".email"])
	require.Equal(t, "123", zoe[".phone"])
	require.Equal(t, "true", zoe[".title"])
	company := d.rows["companies"][0]
	require.Equal(t, "1234567890123456.78", company[".annual_revenue"])
	require.Equal(t, "5000", company[".employee_count"])
}

func TestNestedRowsNameTheirParents(t *testing.T) {
	t.Parallel()
	y := newYard(t, "")
	d := y.readText(t, doc(`
		"pipelines": [
			{"stages": [{"slug": "a", "name": "A"}, {"slug": "b", "name": "B"}], "slug": "one", "name": "One"},
			{"slug": "two", "name": "Two", "stages": []},
			{"slug": "three", "name": "Three", "stages": [{"slug": "c", "name": "C", "pipeline_id": "018f6d2e-0000-7000-8000-00000000000a"}]}
		],
		"stages": [{"slug": "d", "name": "D"}]`))
	require.Equal(t, []string{"pipelines", "stages"}, d.order)
	var got []string
	for _, row := range d.rows["stages"] {
		got = append(got, row["n"]+" "+row[".slug"]+" in "+row["up"])
	}
	require.Equal(t, []string{"1 a in 1", "2 b in 1", "3 c in 3", "4 d in "}, got)
	require.Equal(t, "pipelines", d.tables["stages"].nested.Target.Name)
	require.Equal(t, "three", d.rows["pipelines"][2][".slug"])
	require.Nil(t, d.tables["pipelines"].nested)

	d = y.readText(t, doc(`"stages": [{"slug": "d", "name": "D"}], "pipelines": [{"slug": "x", "name": "X", "stages": []}]`))
	require.Nil(t, d.tables["stages"].nested, "none came inside of its parent")
	require.EqualValues(t, 1, d.tables["stages"].rows)
	require.Equal(t, []string{"pipelines", "stages"}, y.readText(t, doc(`"pipelines": [{"slug": "x", "stages": []}]`)).order,
		"nested tables without a row are of the document too")
}

func TestWhatARowDoesNotGiveIsKnown(t *testing.T) {
	t.Parallel()
	y := newYard(t, "")
	d := y.readText(t, doc(`"custom_field_definitions": [
		{"entity_type": "deal", "name": "a", "label": null, "description": "x"},
		{"name": "b", "label": "B", "entity_type": "deal", "description": "y"},
		{"entity_type": "deal", "name": "c", "label": "C", "required": true},
		{"id": "018f6d2e-0000-7000-8000-000000000001", "entity_type": "deal", "name": "d", "label": "D", "field_type": "text", "required": false,
		 "default_value": {}, "options": [], "description": null, "created_at": null, "updated_at": null, "deleted_at": null}]`))
	const table = "custom_field_definitions"
	base := []string{"id", "field_type", "required", "default_value", "options", "created_at", "updated_at", "deleted_at"}
	require.Equal(t, base, d.absentOf(table, 1))
	require.NotContains(t, d.rows[table][1], "absent", "the order of keys does not matter")
	require.Equal(t, []string{"id", "field_type", "default_value", "options", "description", "created_at", "updated_at", "deleted_at"}, d.absentOf(table, 3))
	require.Equal(t, "{}", d.rows[table][3]["absent"])
	s := d.tables[table]
	require.NotContains(t, d.rows[table][0], ".label", "null is a given NULL")
	var names, partial []string
	for _, c := range s.given {
		names = append(names, c.Name)
		if s.partial[c.Num] {
			partial = append(partial, c.Name)
		}
	}
	require.Equal(t, []string{
		"id", "entity_type", "name", "label", "field_type", "required", "default_value", "options", "description",
		"created_at", "updated_at", "deleted_at",
	}, names)
	require.Equal(t, []string{"id", "field_type", "required", "default_value", "options", "description", "created_at", "updated_at", "deleted_at"}, partial)
}

func TestNewIDsRiseWithTheRows(t *testing.T) {
	t.Parallel()
	y := newYard(t, "")
	d := y.readText(t, doc(`"contacts": [{"email": "a"}, {"email": "b"}, {"email": "c"}], "timeline_events": [{"event_type": "x"}]`))
	require.Equal(t, "id", d.tables["contacts"].mint.Name)
	rows := d.rows["contacts"]
	require.Less(t, rows[0]["id"], rows[1]["id"])
	require.Less(t, rows[1]["id"], rows[2]["id"])
	require.Equal(t, rows[0]["id"][:22], rows[2]["id"][:22], "one range of ids")
	require.Equal(t, "7", rows[0]["id"][14:15])
	require.Nil(t, d.tables["timeline_events"].mint, "the database numbers them")
	require.NotContains(t, d.rows["timeline_events"][0], "id")
}

func TestKeysMayComeInAnyOrder(t *testing.T) {
	t.Parallel()
	y := newYard(t, "")
	tenant := "018f6d2e-0000-7000-8000-0000000000aa"
	d := y.readText(t, ` {"user_refs": {"u1": "ann@example.com", "u2": null, "u3": "Zo\u00eb@example.com"}, "counts": {"contacts": 1, "stages": 3, "aliens": 9},
		"contacts": [{"email": "a"}], "scope": "full", "workspace": {"name": "W", "id": "`+tenant+`", "data": {"id": "no"}},
		"companies": [], "exported_at": "2026-01-01", "wharf_version": "1", "schema_version": 1}
	`)
	require.Equal(t, 1, d.head.version)
	require.Equal(t, tenant, d.head.workspace.String())
	require.Equal(t, map[string]int64{"contacts": 1, "stages": 3}, d.head.counts)
	require.Equal(t, []map[string]string{{"id": "u1", "email": "ann@example.com"}, {"id": "u3", "email": "Zoë@example.com"}}, d.rows["user_refs"])
	require.Equal(t, []string{"stages: the document says that it has 3 rows, and has 0"}, d.warnings)
	require.Equal(t, []string{"companies", "contacts"}, d.order, "those without a row too")
	require.EqualValues(t, 0, d.tables["companies"].rows)
	require.Empty(t, d.tables["companies"].given)
	require.Empty(t, y.readText(t, `{"schema_version": 1}`).order, "a document may hold nothing")
}

func TestEncryptedCellsAreSealedAndTheirHashesComputed(t *testing.T) {
	t.Parallel()
	y := newYard(t, "")
	d := y.readText(t, doc(`"customers": [
		{"name": "Ann", "email": " Ann@Example.com", "email_hash": "\\x00", "phone": 4930},
		{"name": "Bob", "email": null, "phone": "`+catalog.Redacted+`"},
		{"email_hash": {"not": "looked at"}}]`))
	table := d.tables["customers"].table
	cell := func(n int, column string) []byte {
		out, err := hex.DecodeString(strings.TrimPrefix(d.rows["customers"][n-1]["."+column], `\x`))
		require.NoError(t, err)
		return out
	}
	column := func(name string) fieldcrypt.Column {
		c, ok := table.Column(name)
		require.True(t, ok)
		return load.PlaceOf(y.tenant, table, c)
	}
	for name, want := range map[string]string{"name": "Ann", "email": " Ann@Example.com", "phone": "4930"} {
		plain, err := y.ring.Open(nil, cell(1, name), column(name))
		require.NoError(t, err)
		require.Equal(t, want, string(plain))
	}
	require.Equal(t, y.ring.Hash(nil, []byte("ann@example.com"), column("email_hash")), cell(1, "email_hash"), "computed, not taken")
	require.NotContains(t, d.rows["customers"][1], ".email")
	require.NotContains(t, d.rows["customers"][1], ".email_hash")
	require.NotContains(t, d.absentOf("customers", 2), "email_hash", "the e-mail was given: it is NULL")
	require.Contains(t, d.absentOf("customers", 2), "phone")
	require.Contains(t, d.absentOf("customers", 3), "email_hash")
	require.Empty(t, d.warnings)

	keyless := y.spec()
	keyless.Crypt = nil
	_, err := y.stage(keyless, Document(strings.NewReader(doc(`"customers": [{"notes": "x", "email": null}, {"email": "a"}]`)), Limits{}), nil)
	require.ErrorContains(t, err, "customers row 2: email cannot be written: encrypted columns")
	require.Equal(t, fault.Invalid, fault.CodeOf(err))
}

func TestRedactedMarkersAreNotGiven(t *testing.T) {
	t.Parallel()
	y := newYard(t, "")
	marker := `"` + catalog.Redacted + `"`
	d := y.readText(t, doc(`"webhooks": [{"name": `+marker+`, "url": "https://a", "secret": `+marker+`, "events": [`+marker+`]}, {"url": "https://b", "secret": "s"}]`))
	s := d.tables["webhooks"]
	secret, _ := s.table.Column("secret")
	require.Equal(t, map[int16]bool{secret.Num: true}, s.hidden)
	require.Subset(t, d.absentOf("webhooks", 1), []string{"name", "secret"})
	require.NotContains(t, d.absentOf("webhooks", 2), "secret")
	require.Equal(t, "s", d.rows["webhooks"][1][".secret"])
	require.Equal(t, `[`+marker+`]`, d.rows["webhooks"][0][".events"], "in JSON it is a value")
}

func TestUsersAndFilesAreStagedAsText(t *testing.T) {
	t.Parallel()
	y := newYard(t, "")
	d := y.readText(t, doc(`"deals": [{"owner_user_id": "user:ann"}], "files": [{"storage_key": "../../etc/passwd", "uploaded_by_user_id": 7}]`))
	require.Equal(t, "user:ann", d.rows["deals"][0][".owner_user_id"])
	require.Equal(t, "../../etc/passwd", d.rows["files"][0][".storage_key"], "for who looks for its bytes; never written")
	require.Equal(t, "7", d.rows["files"][0][".uploaded_by_user_id"])
}

func TestADocumentOfNakatomiCRMIsTakenAsItIs(t *testing.T) {
	t.Parallel()
	y := newYard(t, "")
	text := `"nakatomi_version": "1.4.0", "workspace": {"id": "018f6d2e-0000-7000-8000-0000000000aa"},
		"pipelines": [{"workspace_id": "018f6d2e-0000-7000-8000-0000000000aa", "slug": "a", "name": "A", "stages": [{"slug": "s", "name": "S"}]}],
		"contacts": [{"workspace_id": "018f6d2e-0000-7000-8000-0000000000aa", "email": "a", "created_at": "2026-01-01T10:00:00.123456+00:00"}]`
	d := y.readText(t, doc(text))
	require.Empty(t, d.warnings)
	require.Equal(t, "2026-01-01 10:00:00.123456+00", d.rows["contacts"][0][".created_at"])
	ours := y.readText(t, doc(`"contacts": [{"workspace_id": "x"}]`))
	require.Equal(t, []string{`contacts has no column "workspace_id": it was left out`}, ours.warnings, "in no other document")
}

func TestWhatIsUnknownIsLeftOutWithAWarning(t *testing.T) {
	t.Parallel()
	y := newYard(t, "")
	d := y.readText(t, doc(`"aliens": [{"a": [[{}, "x\"]"]]}], "contacts": [{"email": "a", "antennae": {"n": [2, null]}}, {"antennae": 3, "email": "b"}],
		"webhook_deliveries": [{"id": 1}], "feature_flags": []`))
	require.Equal(t, []string{
		`there is no table "aliens": it was left out`,
		`contacts has no column "antennae": it was left out`,
		`webhook_deliveries belongs to the installation that it comes from: it was left out`,
		`there is no table "feature_flags": it was left out`,
	}, d.warnings)
	require.EqualValues(t, 2, d.tables["contacts"].rows)
	require.NotContains(t, d.tables, "webhook_deliveries")
}

func TestListsBecomeArrays(t *testing.T) {
	t.Parallel()
	y := newYard(t, `CREATE TABLE public.racks (tenant_id uuid NOT NULL, id bigint PRIMARY KEY, numbers int[], texts text[], docs jsonb[], span tstzrange,
		ghost text GENERATED ALWAYS AS ('x') STORED, plain json, took interval, needed jsonb NOT NULL, maybe jsonb); GRANT ALL ON public.racks TO PUBLIC`)
	d, err := y.stage(y.spec(), Document(strings.NewReader(doc(`"racks": [{"id": 1, "numbers": [[1, 2], [null, -4]], "texts": ["a\"b\\c,{}", "", "NULL", null, "\u00e9"],
		"docs": [{"a": [1]}, [1, 2], "x", 5], "span": "[\"2026-01-01 00:00:00+00\",)", "ghost": {"never": "read"}, "plain": { "b" : 1.50 },
		"took": "1 day 02:00:00", "needed": null, "maybe": null}, {"id": 2, "numbers": [], "texts": [ ]}]`)), Limits{}),
		func(ctx context.Context, tx pgx.Tx, d *stagedDocument) error {
			s := d.tables["racks"]
			cell := func(name string) string {
				c, _ := s.table.Column(name)
				return cellName(c)
			}
			var same bool
			err := tx.QueryRow(ctx, `SELECT `+cell("numbers")+`::int[] = '{{1,2},{NULL,-4}}' AND `+cell("texts")+`::text[] = ARRAY[E'a"b\\c,{}', '', 'NULL', NULL, 'é']
				AND `+cell("docs")+`::jsonb[] = ARRAY['{"a": [1]}', '[1, 2]', '"x"', '5']::jsonb[] AND `+cell("span")+`::tstzrange = '[2026-01-01 00:00Z,)'
				AND `+cell("plain")+`::text = '{ "b" : 1.50 }' AND `+cell("took")+`::interval = '26:00' AND `+cell("needed")+` = 'null' AND `+cell("maybe")+` IS NULL
				FROM `+s.name+` WHERE n = 1`).Scan(&same)
			if err != nil || !same {
				return fmt.Errorf("other values: %w", err)
			}
			err = tx.QueryRow(ctx, `SELECT `+cell("numbers")+`::int[] = '{}' AND `+cell("texts")+`::text[] = '{}' FROM `+s.name+` WHERE n = 2`).Scan(&same)
			if err != nil || !same {
				return fmt.Errorf("other values of empty lists: %w", err)
			}
			return nil
		})
	require.NoError(t, err)
	require.Empty(t, d.warnings)
	for value, want := range map[string]string{
		`[{"a": 1}]`: "texts has an object among its elements", `"{a,b}"`: "texts is not a list: ", `5`: "texts is not a list: 5",
		`{}`: "texts is an object", `[["\udc00"]]`: "texts holds half a surrogate pair", `["\u0000"]`: "texts holds a NUL character",
	} {
		require.Contains(t, y.refuses(t, doc(`"racks": [{"texts": `+value+`}]`)), "racks row 1: "+want)
	}
}
