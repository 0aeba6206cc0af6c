package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pages follows Link: rel="next" from path on, and gives every row and the size of each page.
func (n tenant) pages(t *testing.T, key, path string) (rows []map[string]any, sizes []int) {
	t.Helper()
	for path != "" {
		got := n.get(t, key, path)
		require.Equal(t, http.StatusOK, got.status, got.body)
		page := decoded[[]map[string]any](t, got)
		rows, sizes = append(rows, page...), append(sizes, len(page))
		link := got.header.Get("Link")
		path = ""
		if link != "" {
			require.Regexp(t, `^</api/v1/[^>]*>; rel="next"$`, link)
			path = link[1:strings.IndexByte(link, '>')]
		}
	}
	return rows, sizes
}

// Seven rows: pages of three end with a short one, pages of seven with a full one that has no next.
func TestPagesWalkEveryRowOnceNewestFirst(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	n, other := h.newTenant(t, "acme"), h.newTenant(t, "other")
	i := decoded[map[string]any](t, n.json(t, n.key, http.MethodPost, "/api/v1/importers", `{"name": "x", "fields": [{"name": "a", "type": "text"}]}`))
	for range 7 {
		require.Equal(t, http.StatusAccepted, n.json(t, n.key, http.MethodPost, "/api/v1/exports", `{}`).status)
		require.Equal(t, http.StatusAccepted, n.upload(t, n.key, part{"importer_id", i["id"].(string)}, part{"file:a.csv", "a\n1\n"}).status)
	}
	n.json(t, other.key, http.MethodPost, "/api/v1/exports", `{}`)
	operator := h.newOperatorKey(t)
	of := func(list string) string { return "/api/v1/" + list }
	for name, c := range map[string]struct {
		key, path string
		rows      int
	}{
		"exports":                {n.key, of("exports?"), 7},
		"exports of a status":    {n.key, of("exports?status=pending&"), 7},
		"exports of another":     {n.key, of("exports?status=failed&"), 0},
		"imports":                {n.key, of("imports?"), 7},
		"imports of an importer": {n.key, of("imports?status=pending&importer_id=" + i["id"].(string) + "&"), 7},
		"jobs":                   {n.key, of("jobs?"), 14},
		"jobs of a kind":         {n.key, of("jobs?kind=export&queue=export&"), 7},
		"jobs of every tenant":   {operator, of("jobs?kind=export&"), 8},
		"jobs of one tenant":     {operator, of("jobs?kind=export&tenant=" + n.id.String() + "&"), 7},
		"the audit log":          {n.key, of("audit?"), 7},
		"a part of the log":      {n.key, of("audit?action=export.start&since=2020-01-01T00:00:00%2B02:00&until=2100-01-01T00:00:00Z&"), 7},
		"the log of all":         {operator, of("audit?"), 8},
	} {
		for limit, last := range map[int]int{3: c.rows % 3, 7: c.rows % 7} {
			rows, sizes := n.pages(t, c.key, fmt.Sprintf("%slimit=%d", c.path, limit))
			require.Len(t, rows, c.rows, "%s by %d", name, limit)
			want := last
			if last == 0 && c.rows > 0 {
				want = limit
			}
			require.Equal(t, want, sizes[len(sizes)-1], "%s by %d: the last page is not an empty one", name, limit)
			for k := 1; k < len(rows); k++ {
				require.Greater(t, fmt.Sprintf("%40v", rows[k-1]["id"]), fmt.Sprintf("%40v", rows[k]["id"]), "%s: newest first, none twice", name)
			}
		}
	}
}

func TestListsWithoutALimitHaveTheContracts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	n := h.newTenant(t, "acme")
	h.exec(t, `INSERT INTO wharf.exports (id, tenant_id, request, requested_by) SELECT gen_random_uuid(), $1, '{}', 'x' FROM generate_series(1, 51)`, n.id)
	h.exec(t, `INSERT INTO wharf.importers (id, tenant_id, key, name, definition)
		SELECT gen_random_uuid(), $1, gen_random_uuid(), 'x', '{"fields": [{"name": "a", "type": "text"}]}' FROM generate_series(1, 101)`, n.id)
	_, sizes := n.pages(t, n.key, "/api/v1/exports")
	require.Equal(t, []int{50, 1}, sizes)
	require.Len(t, decoded[[]any](t, n.get(t, n.key, "/api/v1/importers")), 100)
	require.Len(t, decoded[[]any](t, n.get(t, n.key, "/api/v1/importers?skip=100")), 1)
	require.Len(t, decoded[[]any](t, n.get(t, n.key, "/api/v1/importers?skip=9223372036854775807&limit=1000")), 0)
	require.Equal(t, "[]\n", n.get(t, n.key, "/api/v1/imports").body, "a list, if an empty one")
}
