//go:build corpus

package e2e

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func corpusFile(t *testing.T, name string) (content []byte, records [][]string) {
	t.Helper()
	dir := os.Getenv("CORPUS")
	require.NotEmpty(t, dir, "CORPUS is not set: make test/corpus CORPUS=…")
	content, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))))
	r.FieldsPerRecord = -1
	records, err = r.ReadAll()
	require.NoError(t, err)
	return content, records
}

// importer makes one with a field for each column; kinds gives the type of those that are not text.
func (s *stack) importer(t *testing.T, header []string, kinds map[string]string, rename map[string]string, destination map[string]any) uuid.UUID {
	t.Helper()
	var fields []map[string]any
	for _, h := range header {
		f := map[string]any{"name": h, "type": "text"}
		if kind, ok := kinds[h]; ok {
			f["type"] = kind
		}
		if name, ok := rename[h]; ok {
			f["name"], f["aliases"] = name, []string{h}
		}
		fields = append(fields, f)
	}
	var made struct{ ID uuid.UUID }
	s.post(t, "/api/v1/importers", map[string]any{"name": "corpus", "fields": fields, "destination": destination}, http.StatusCreated, &made)
	return made.ID
}

// table makes a product's table while the service runs; the next import and export know it.
func (s *stack) table(t *testing.T, name, columns string) {
	t.Helper()
	_, err := s.Admin.Exec(context.Background(), fmt.Sprintf(`SET LOCAL ROLE wharf_owner; CREATE TABLE public.%[1]s (
		id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, external_id varchar(64), %[2]s,
		UNIQUE (tenant_id, external_id));
		ALTER TABLE public.%[1]s ENABLE ROW LEVEL SECURITY;
		CREATE POLICY wall ON public.%[1]s USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));
		NOTIFY wharf_catalog`, name, columns))
	require.NoError(t, err)
	s.await(t, "the catalog to know "+name, func() bool {
		var tables []struct{ Name string }
		s.get(t, "/api/v1/tables", &tables)
		for _, tab := range tables {
			if tab.Name == name {
				return true
			}
		}
		return false
	})
}

// sameRows compares an exported table with the file's rows, found by key. Numbers are compared as numbers.
func sameRows(t *testing.T, exported json.RawMessage, records [][]string, key int, column func(header string) string, numbers map[string]string) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(exported))
	dec.UseNumber()
	var rows []map[string]any
	require.NoError(t, dec.Decode(&rows))
	require.Len(t, rows, len(records)-1)
	byKey := map[string]map[string]any{}
	for _, r := range rows {
		byKey[fmt.Sprint(r[column(records[0][key])])] = r
	}
	for _, rec := range records[1:] {
		row, ok := byKey[rec[key]]
		require.True(t, ok, "row %s is missing", rec[key])
		for i, cell := range rec {
			got := row[column(records[0][i])]
			switch {
			case strings.TrimSpace(cell) == "":
				require.Nil(t, got, "%s of %s", records[0][i], rec[key])
			case numbers[records[0][i]] == "number":
				want, _ := new(big.Rat).SetString(cell)
				have, ok := new(big.Rat).SetString(fmt.Sprint(got))
				require.True(t, ok && want.Cmp(have) == 0, "%s of %s: %v for %s", records[0][i], rec[key], got, cell)
			default:
				require.Equal(t, cell, got, "%s of %s", records[0][i], rec[key])
			}
		}
	}
}

func TestCorpusRunways(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.worker(t)
	content, records := corpusFile(t, "messy-business/ourairports__runways.csv")
	require.Len(t, records, 48_185)
	kinds := map[string]string{}
	var columns []string
	for _, h := range records[0][1:] {
		name := strings.ToLower(h)
		if strings.HasSuffix(name, "_ident") || name == "surface" {
			columns = append(columns, name+" text")
			continue
		}
		kinds[h] = "number"
		columns = append(columns, name+" numeric")
	}
	s.table(t, "runways", strings.Join(columns, ", "))
	column := func(h string) string {
		if h == "id" {
			return "external_id"
		}
		return strings.ToLower(h)
	}
	rename := map[string]string{}
	for _, h := range records[0] {
		rename[h] = column(h)
	}
	importer := s.importer(t, records[0], kinds, rename, map[string]any{"kind": "table", "table": "runways", "match": []string{"external_id"}})
	i := s.importFile(t, "runways.csv", content, map[string]string{"importer_id": importer.String()})
	done := s.completed(t, "imports", i.ID)
	require.EqualValues(t, 48_184, done.NumRows)
	require.EqualValues(t, 48_184, done.NumCreated, "%v", done.Errors)
	e := s.export(t)
	s.completed(t, "exports", e.ID)
	doc := s.wholeExport(t, e.ID, 0)
	sameRows(t, doc["runways"], records, 0, column, kinds)
}

func TestCorpusFileDestinationGivesEveryCellBack(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.worker(t)
	for _, name := range []string{"messy-business/ourairports__runways.csv", "messy-business/grist__Cities.csv"} {
		content, records := corpusFile(t, name)
		importer := s.importer(t, records[0], nil, nil, map[string]any{"kind": "file"})
		i := s.importFile(t, "file.csv", content, map[string]string{"importer_id": importer.String()})
		done := s.completed(t, "imports", i.ID)
		require.EqualValues(t, len(records)-1, done.NumRows)
		require.Zero(t, done.NumErrors, "%v", done.Errors)
		result, err := csv.NewReader(bytes.NewReader(s.download(t, "/api/v1/imports/"+i.ID.String()+"/result"))).ReadAll()
		require.NoError(t, err)
		require.Len(t, result, len(records))
		for n := range records {
			require.Equal(t, records[n], result[n][:len(records[n])], "row %d of %s", n+1, name)
		}
	}
}

func TestCorpusCities(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.worker(t)
	content, records := corpusFile(t, "messy-business/grist__Cities.csv")
	s.table(t, "cities", "city_name text, city_district text, city_pop bigint, country int, pop_thousands numeric")
	i := s.importFile(t, "cities.csv", content, map[string]string{"table": "cities"})
	done := s.completed(t, "imports", i.ID)
	require.EqualValues(t, len(records)-1, done.NumCreated, "%v", done.Errors)
	e := s.export(t)
	s.completed(t, "exports", e.ID)
	doc := s.wholeExport(t, e.ID, 0)
	dec := json.NewDecoder(bytes.NewReader(doc["cities"]))
	dec.UseNumber()
	var rows []map[string]any
	require.NoError(t, dec.Decode(&rows))
	count := map[string]int{} // cities have no key: the rows are compared as a bag
	for _, r := range rows {
		cells := make([]string, 0, len(records[0]))
		for _, h := range records[0] {
			if r[h] == nil {
				cells = append(cells, "")
				continue
			}
			cells = append(cells, fmt.Sprint(r[h]))
		}
		count[strings.Join(cells, "\x00")]++
	}
	for _, rec := range records[1:] {
		count[strings.Join(rec, "\x00")]--
	}
	for row, n := range count {
		require.Zero(t, n, row)
	}
}

func TestCorpusContacts(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.worker(t)
	content, records := corpusFile(t, "messy-business/atomic-crm__contacts_export.csv")
	i := s.importFile(t, "contacts.csv", content, map[string]string{
		"table": "contacts", "mapping": `{"first_name":"first_name","last_name":"last_name","title":"title","email_work":"email","phone_work":"phone"}`,
	})
	done := s.completed(t, "imports", i.ID)
	require.EqualValues(t, len(records)-1, done.NumRows)
	require.EqualValues(t, len(records)-1, done.NumCreated, "%v", done.Errors)
	e := s.export(t)
	s.completed(t, "exports", e.ID)
	doc := s.wholeExport(t, e.ID, len(records)-1)
	var rows []struct {
		FirstName string  `json:"first_name"`
		LastName  string  `json:"last_name"`
		Email     *string `json:"email"`
		Phone     *string `json:"phone"`
	}
	require.NoError(t, json.Unmarshal(doc["contacts"], &rows))
	byName := map[string]int{}
	for n, r := range rows {
		byName[r.FirstName] = n
	}
	john := rows[byName["John"]]
	require.Equal(t, "Doe", john.LastName)
	require.Equal(t, "john@doe.example", *john.Email)
	require.Equal(t, "659-980-2015", *john.Phone)
	// The second row is three cells short in the middle, so what stands under the mapped headers is taken as it stands.
	require.Equal(t, "Doe", rows[byName["Jane"]].LastName)
}
