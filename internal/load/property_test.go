package load_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"wharf/internal/load"
)

// The merge is a dozen set-based statements; the model is a dozen loops. They must agree on the rows, the counts and the
// errors, whatever the table holds, the file brings and the spec asks for.
func TestAMergeDoesWhatOneWouldDoRowByRow(t *testing.T) {
	t.Parallel()
	world := newWorld(t, modelTables)
	rapid.Check(t, func(t *rapid.T) {
		w := world.anew()
		seedModel(t, w)
		for range rapid.IntRange(1, 2).Draw(t, "files") {
			mergeBothWays(t, w)
		}
	})
}

var columnsOfItems = []string{"ext", "email", "name", "qty", "tag", "place_id", "parent_id"}

// cell draws what a file or a table may hold: few values, so that they meet.
func cell(t *rapid.T, column string, ids []string) string {
	values := map[string][]string{
		"id":        append([]string{"", "", ""}, ids...),
		"ext":       {"", "", "a", "b", "c", "d"},
		"email":     {"", "x", "X", "y", "Y", "z"},
		"name":      {"", "n", "m", "m", "m"},
		"qty":       {"", "1", "2", "2", "2.0", "13", "13.0", "1.5", "oops"},
		"tag":       {"", "", "", "t", "u", "v", "w"},
		"place_id":  {"", "", "p", "q", "gone", "theirs", placeID(1), placeID(3), placeID(4)},
		"parent_id": append([]string{"", "", "", "a", "b", "c", "x", "y", "nobody"}, ids...),
	}[column]
	return rapid.SampledFrom(values).Draw(t, column)
}

// placeID is fixed within a tenant only by its last digit; see seedModel.
func placeID(n int) string { return fmt.Sprintf("place-%d", n) }

// seedModel adds places and items of both tenants.
func seedModel(t *rapid.T, w *world) {
	var sql []string
	for n, place := range []string{"$1, 'p', NULL", "$1, 'q', NULL", "$1, 'gone', now()", "$2, 'theirs', NULL"} {
		sql = append(sql, fmt.Sprintf(`INSERT INTO places (id, tenant_id, code, deleted_at) VALUES ('%s', %s)`, w.place(n+1), place))
	}
	ext, tags, ids := map[string]bool{}, map[string]bool{}, []string{}
	for range rapid.IntRange(0, 6).Draw(t, "items") {
		v := values{}
		for _, c := range columnsOfItems[:5] {
			v[c] = cell(t, c, nil)
		}
		if !slices.Contains([]string{"1", "2"}, v["qty"]) {
			v["qty"] = "1"
		}
		deleted := rapid.IntRange(0, 4).Draw(t, "deleted") == 0
		if v["ext"] != "" && !deleted && ext[v["ext"]] || v["tag"] != "" && tags[v["tag"]] {
			continue
		}
		ext[v["ext"]] = ext[v["ext"]] || !deleted
		tags[v["tag"]] = true
		id := w.id(len(ids))
		sql = append(sql, fmt.Sprintf(
			`INSERT INTO items (id, tenant_id, ext, email, name, qty, tag, place_id, parent_id, deleted_at, updated_at) VALUES ('%s', $1, %s, %s, 'n', %s, %s, %s, %s, %s, '2000-01-01')`,
			id, null(v["ext"]), null(v["email"]), v["qty"], null(v["tag"]), null(rapid.SampledFrom([]string{"", w.place(1), w.place(3)}).Draw(t, "place")),
			null(rapid.SampledFrom(append(ids, "")).Draw(t, "parent")), map[bool]string{true: "now()", false: "NULL"}[deleted]))
		ids = append(ids, id)
	}
	sql = append(sql, fmt.Sprintf(`INSERT INTO items (id, tenant_id, ext, email, name, tag) VALUES ('%s', $2, 'a', 'x', 'theirs', 't')`, w.theirs))
	w.seed(t, strings.Join(sql, ";"))
}

func null(s string) string {
	if s == "" {
		return "NULL"
	}
	return "'" + s + "'"
}

// place gives the id of the nth place, which the tenant decides.
func (w *world) place(n int) string {
	id := w.ours
	id[15] = byte(n)
	return id.String()
}

// id gives the id of the nth item: the same order in every run.
func (w *world) id(n int) string {
	id := w.ours
	id[0], id[15] = byte(n), 0
	return id.String()
}

// read gives the items of ours, and the transaction that wrote each last.
func (w *world) read(t require.TestingT) (items []*item, xmins map[string]string) {
	rows, err := w.admin.Query(context.Background(),
		`SELECT id::text, ext, email, name, qty::text, tag, place_id::text, parent_id::text, deleted_at IS NOT NULL, xmin::text FROM items WHERE tenant_id = $1 ORDER BY id`, w.ours)
	require.NoError(t, err)
	xmins = map[string]string{}
	for rows.Next() {
		i := &item{values: values{}}
		cells := make([]*string, 7)
		var xmin string
		require.NoError(t, rows.Scan(&i.id, &cells[0], &cells[1], &cells[2], &cells[3], &cells[4], &cells[5], &cells[6], &i.deleted, &xmin))
		for n, c := range cells {
			if c != nil {
				i.values[columnsOfItems[n]] = *c
			}
		}
		items, xmins[i.id] = append(items, i), xmin
	}
	require.NoError(t, rows.Err())
	return items, xmins
}

// drawSpec gives a way to load a random choice of the columns.
func drawSpec(t *rapid.T, w *world) (load.Spec, []string) {
	columns := slices.Clone(rapid.SampledFrom([][]string{
		columnsOfItems, columnsOfItems[:4],
		{"ext", "name", "tag", "qty"},
		{"email", "name", "parent_id"},
		{"ext", "place_id"},
		{"name", "tag"},
		{"parent_id", "ext", "email", "name"},
		{"id", "ext", "tag"},
		{"id", "tag", "parent_id", "email"},
	}).Draw(t, "columns"))
	if !slices.Contains(columns, "id") && rapid.IntRange(0, 2).Draw(t, "with id") == 0 {
		columns = append(columns, "id")
	}
	spec := load.Spec{
		DB: w.db, Tenant: w.ours,
		Write:    rapid.SampledFrom([]load.Write{load.Upsert, load.Upsert, load.Insert, load.Update}).Draw(t, "write"),
		Clear:    rapid.Bool().Draw(t, "clear"),
		LastWins: rapid.Bool().Draw(t, "last wins"),
	}
	spec.Table, _ = w.snapshot.Table("items")
	for _, c := range columns {
		spec.Columns = append(spec.Columns, load.Column{Name: c})
	}
	if slices.Contains(columns, "ext") && slices.Contains(columns, "email") {
		spec.Match = rapid.SampledFrom([][]string{nil, {"ext"}, {"lower(email)"}, {"lower(email)", "ext"}}).Draw(t, "match")
	}
	return spec, columns
}

func mergeBothWays(t *rapid.T, w *world) {
	spec, columns := drawSpec(t, w)
	if rapid.Bool().Draw(t, "undo") {
		spec.Undo = uuid.New()
	}
	before, xmins := w.read(t)
	m := &model{spec: spec, columns: columns, items: before}
	for n, deleted := range []bool{false, false, true} {
		m.places = append(m.places, &item{id: w.place(n + 1), deleted: deleted, values: values{"code": []string{"p", "q", "gone"}[n]}})
	}
	ids := []string{w.id(99), w.theirs.String()}
	old := map[string]*item{}
	for _, i := range before {
		ids = append(ids, i.id)
		old[i.id] = &item{id: i.id, values: maps.Clone(i.values)}
	}
	var file [][]string
	for n := range rapid.IntRange(0, 8).Draw(t, "rows") {
		l := &line{n: n + 2, cells: values{}}
		var row []string
		for _, c := range columns {
			text := cell(t, c, ids)
			if strings.HasPrefix(text, "place-") {
				text = w.place(int(text[6] - '0'))
			}
			row, l.cells[c] = append(row, text), text
		}
		file, m.lines = append(file, row), append(m.lines, l)
	}
	plan, err := load.Compile(spec)
	if spec.Write == load.Update && len(m.keys()) == 0 {
		require.Error(t, err)
		return
	}
	require.NoError(t, err)
	m.merge()

	name, _ := w.stage(t, plan, batches(file))
	got, err := w.mergeStaged(spec, plan, name)
	require.NoError(t, err)
	found := map[string]int{}
	for _, e := range got.Errors {
		found[fmt.Sprintf("%d %s %s", e.Row, e.Field, e.Rule)]++
	}
	t.Logf("columns %v match %v write %v clear %v last %v\nfile %v", columns, spec.Match, spec.Write, spec.Clear, spec.LastWins, file)
	require.Equal(t, m.errors, found)
	require.Equal(t, m.counts, got.Counts)
	after, xminsAfter := w.read(t)
	require.Equal(t, describeItems(m.items, old), describeItems(after, old))
	for _, i := range m.items {
		if was, ok := old[i.id]; ok && maps.Equal(was.values, i.values) {
			require.Equal(t, xmins[i.id], xminsAfter[i.id], "a row was written that did not change")
		}
	}
}

// describeItems gives rows without the ids of new ones; a new one that another refers to goes by what it holds.
func describeItems(items []*item, old map[string]*item) []string {
	byID := map[string]*item{}
	for _, i := range items {
		byID[i.id] = i
	}
	name := func(id string, what string) string {
		if _, ok := old[id]; ok {
			return id
		}
		return what
	}
	plain := func(i *item) string {
		return fmt.Sprint(i.values["ext"], "/", i.values["email"], "/", i.values["name"], "/", i.values["qty"], "/", i.values["tag"], "/", i.values["place_id"])
	}
	var out []string
	for _, i := range items {
		parent := i.values["parent_id"]
		if p, ok := byID[parent]; ok {
			parent = name(parent, plain(p))
		}
		out = append(out, name(i.id, "new")+" "+plain(i)+" under "+parent)
	}
	slices.Sort(out)
	return out
}
