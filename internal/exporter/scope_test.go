package exporter

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/objectstore"
	"wharf/internal/tenancy"
)

const ordersOfPeople = `
	CREATE TABLE people (id int PRIMARY KEY, tenant_id uuid NOT NULL, name text);
	CREATE TABLE orders (id int PRIMARY KEY, tenant_id uuid NOT NULL, person int REFERENCES people);
	CREATE TABLE goods (id int PRIMARY KEY, tenant_id uuid NOT NULL)`

func TestSubjectsExportHoldsTheRecordAndWhatBelongsToIt(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, ordersOfPeople).withStore(t)
	h.exec(t, `INSERT INTO people VALUES (1, $1, 'Ann'), (2, $1, 'Bob')`, h.mine)
	h.exec(t, `INSERT INTO orders VALUES (10, $1, 1), (11, $1, 1), (20, $1, 2)`, h.mine)
	h.exec(t, `INSERT INTO goods VALUES (1, $1)`, h.mine)
	done := h.runOf(t, h.start(t, Request{Scope: ScopeSubject, Subject: &Subject{Table: "people", ID: "1"}, Format: FormatCSV}).ID)
	require.Equal(t, map[string]int64{"people": 1, "orders": 2}, done.Tables)
	data, _ := h.object(t, done.ID)
	files := unzipped(t, data)
	require.NotContains(t, strings.Join([]string{files["people.csv"], files["orders.csv"]}, ""), "Bob")
	var m manifest
	require.NoError(t, json.Unmarshal([]byte(files[manifestName]), &m))
	require.Equal(t, ScopeSubject, m.Scope)
	require.Equal(t, "person is the record", m.Tables[1].Why)

	_, err := h.service.Start(t.Context(), tenancy.System(h.mine), Input{Request: Request{Scope: ScopeSubject, Subject: &Subject{Table: "people", ID: "3"}}})
	require.Equal(t, fault.Invalid, fault.CodeOf(err))
}

func TestBundleHoldsTheBytesOfFilesWhenAskedFor(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, `
		CREATE TABLE papers (id int PRIMARY KEY, tenant_id uuid NOT NULL, key text);
		COMMENT ON COLUMN papers.key IS '@file'`).withStore(t)
	key := objectstore.Key(h.mine, "papers", "deed.txt")
	_, err := h.service.cfg.Objects.Put(t.Context(), key, "text/plain", strings.NewReader("to have and to hold"))
	require.NoError(t, err)
	h.exec(t, `INSERT INTO papers VALUES (1, $1, $2), (2, $1, $3)`, h.mine, key, key+"-gone")
	for _, include := range [][]string{nil, {IncludeFiles}} {
		done := h.runOf(t, h.start(t, Request{Format: FormatJSONL, Include: include}).ID)
		data, _ := h.object(t, done.ID)
		files := unzipped(t, data)
		if include == nil {
			require.Len(t, files, 2)
			require.Empty(t, done.Warnings)
			continue
		}
		require.Equal(t, "to have and to hold", files["files/1/deed.txt"])
		require.Len(t, done.Warnings, 1)
		require.Contains(t, done.Warnings[0], "is missing")
		require.Contains(t, files[manifestName], "is missing")
	}
}
