package exporter

import (
	"encoding/json"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/tenancy"
)

// TestRowsAreReadUnderTheProductsRole has the service read tenant tables as another role, which alone may: the installation's
// own tables stay the service's, and what that role may not read fails the export by name.
func TestRowsAreReadUnderTheProductsRole(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, threeTables)
	role := "authenticated_" + h.db.Name
	h.exec(t, `CREATE ROLE `+role)
	t.Cleanup(func() { h.exec(t, `DROP OWNED BY `+role+`; DROP ROLE `+role) })
	h.exec(t, `GRANT `+role+` TO wharf_service; GRANT USAGE ON SCHEMA public TO `+role+`; GRANT SELECT ON people, pets TO `+role)
	h.exec(t, `REVOKE ALL ON people, pets, visits FROM wharf_service; GRANT SELECT ON visits TO wharf_service`)
	h.exec(t, `INSERT INTO people VALUES (1, $1, 'Ann'), (2, $2, 'Bob')`, h.mine, h.other)
	h.service.cfg.DB = &tenancy.DB{Pool: h.service.cfg.Pool, Wall: tenancy.Wall{Setting: "app.tenant_id", Role: role, Column: "tenant_id"}}

	doc, r := h.write(t, Request{Exclude: []string{"visits"}})
	require.EqualValues(t, 1, r.tables["people"])
	require.NotContains(t, string(doc), "Bob")
	var got struct{ Workspace struct{ Slug string } }
	require.NoError(t, json.Unmarshal(doc, &got))
	require.Equal(t, "mine", got.Workspace.Slug)

	err := h.service.newRun(tenancy.System(h.mine), Request{}).document(t.Context(), io.Discard)
	require.Equal(t, fault.Forbidden, fault.CodeOf(err))
	require.ErrorContains(t, err, "visits")
}
