package exporter

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/fieldcrypt"
	"wharf/internal/tenancy"
	"wharf/internal/testenv"
)

const sealedTable = `
	CREATE TABLE people (id int PRIMARY KEY, tenant_id uuid NOT NULL, name bytea, name_hash bytea, pin bytea, note text);
	COMMENT ON COLUMN people.name IS '@encrypted';
	COMMENT ON COLUMN people.name_hash IS '@hash name';
	COMMENT ON COLUMN people.pin IS E'@encrypted\n@redact'`

func (h *house) seal(t *testing.T, plain, table, column string) []byte {
	t.Helper()
	sealed, err := h.ring.Seal(nil, []byte(plain), fieldcrypt.Column{Tenant: h.mine, Table: table, Column: column})
	require.NoError(t, err)
	return sealed
}

func TestEncryptedColumnsAreOpenedOnTheWayOut(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, sealedTable)
	const add = `INSERT INTO people VALUES ($1, $2, $3, '\xabcd', $4, 'x')`
	h.exec(t, add, 1, h.mine, h.seal(t, "Zoë \"Z\", née\nX", "public.people", "name"), h.seal(t, "1234", "public.people", "pin"))
	h.exec(t, add, 2, h.mine, h.seal(t, "\xff\x00", "public.people", "name"), nil)
	h.exec(t, add, 3, h.mine, nil, nil)
	doc, _ := h.write(t, Request{})
	var got struct{ People []map[string]any }
	require.NoError(t, json.Unmarshal(doc, &got))
	require.Equal(t, "Zoë \"Z\", née\nX", got.People[0]["name"])
	require.Equal(t, `\xabcd`, got.People[0]["name_hash"], "a hash goes as it is")
	require.Equal(t, catalog.Redacted, got.People[0]["pin"], "redacted outranks encrypted")
	require.Equal(t, `\xff00`, got.People[1]["name"], "what is no text is printed as bytes are")
	require.Nil(t, got.People[2]["name"])

	data, _ := h.write(t, Request{Format: FormatCSV})
	require.Equal(t, "id,tenant_id,name,name_hash,pin,note\n"+
		"1,"+h.mine.String()+",\"Zoë \"\"Z\"\", née\nX\",\\xabcd,"+catalog.Redacted+",x\n"+
		"2,"+h.mine.String()+",\\xff00,\\xabcd,,x\n"+
		"3,"+h.mine.String()+",,\\xabcd,,x\n", unzipped(t, data)["people.csv"])
}

func TestValueThatDoesNotOpenFailsTheExportByName(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, sealedTable)
	h.exec(t, `INSERT INTO people VALUES (1, $1, $2)`, h.mine, h.seal(t, "Ada", "public.people", "pin"))
	for _, format := range []string{FormatJSON, FormatDump, FormatJSONL, FormatCSV, FormatXLSX} {
		err := h.service.newRun(tenancy.System(h.mine), Request{Format: format}).document(t.Context(), &bytes.Buffer{})
		f, ok := fault.As(err)
		require.True(t, ok, "%v", err)
		require.Equal(t, fault.Conflict, f.Code, "trying again does not help")
		require.Contains(t, f.Message, "people.name")
		require.Contains(t, f.Message, "WHARF_FIELD_KEYS")
	}
}

func TestEncryptedColumnsWithoutKeysFailBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, sealedTable+`; CREATE TABLE others (id int PRIMARY KEY, tenant_id uuid NOT NULL)`)
	h.service.cfg.Crypt = nil
	var out bytes.Buffer
	err := h.service.newRun(tenancy.System(h.mine), Request{}).document(t.Context(), &out)
	require.ErrorIs(t, err, fieldcrypt.ErrNoKeys)
	require.ErrorContains(t, err, "WHARF_FIELD_KEYS")
	require.Zero(t, out.Len())
	_, r := h.write(t, Request{Exclude: []string{"people"}})
	require.Len(t, r.tables, 1, "without the encrypted column it goes")
}

const tableOfSecrets = `
	CREATE TABLE people (id int PRIMARY KEY, tenant_id uuid NOT NULL, name text);
	CREATE TABLE vaults (id int PRIMARY KEY, tenant_id uuid NOT NULL, owner int REFERENCES people, word text, "raw bytes" bytea, doc jsonb, list text[], num numeric,
		updated_at timestamptz NOT NULL DEFAULT now());
	COMMENT ON COLUMN vaults.word IS '@redact'; COMMENT ON COLUMN vaults."raw bytes" IS '@redact'; COMMENT ON COLUMN vaults.doc IS '@redact';
	COMMENT ON COLUMN vaults.list IS '@redact'; COMMENT ON COLUMN vaults.num IS E'What it opens by.\n@redact'`

// TestPlantedSecretsAreInNoExport looks for them in every format and scope, as text and as bytes, unpacked and as stored.
func TestPlantedSecretsAreInNoExport(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, tableOfSecrets)
	h.exec(t, `INSERT INTO people VALUES (1, $1, 'Ann')`, h.mine)
	h.exec(t, `INSERT INTO vaults VALUES (1, $1, 1, 'planted-1', 'planted-2', '{"planted-3": 1}', '{planted-4}', 48151623.42), (2, $1, 1, NULL, NULL, NULL, NULL, NULL)`, h.mine)
	since := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, format := range []string{FormatJSON, FormatDump, FormatJSONL, FormatCSV, FormatXLSX} {
		for _, req := range []Request{
			{},
			{Since: &since},
			{Scope: ScopeTables, Tables: []string{"vaults"}},
			{Scope: ScopeSubject, Subject: &Subject{Table: "people", ID: "1"}},
		} {
			req.Format = format
			data, r := h.write(t, req)
			text := string(data)
			if format != FormatJSON && format != FormatDump {
				text += strings.Join(slices.Collect(maps.Values(unzipped(t, data))), "\n")
			}
			for _, secret := range []string{"planted", hex.EncodeToString([]byte("planted")), "48151623"} {
				require.NotContains(t, text, secret, "%s %s", format, req.Scope)
			}
			require.Equal(t, 5, strings.Count(text, catalog.Redacted), "%s: where there is one, and NULL where there is none", format)
			require.EqualValues(t, 2, r.tables["vaults"])
		}
	}
}

// TestSecretsAreNotEvenRead looks at the statements: what is not selected cannot be let out by a printer's mistake.
func TestSecretsAreNotEvenRead(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, tableOfSecrets)
	for _, format := range []string{FormatJSON, FormatDump, FormatJSONL, FormatCSV, FormatXLSX} {
		r := h.service.newRun(tenancy.System(h.mine), Request{Format: format})
		enc, err := r.newEncoder(io.Discard)
		require.NoError(t, err)
		vaults, ok := h.snapshot(t).Table("vaults")
		require.True(t, ok)
		table := wholeTable(vaults, h.mine)
		sql := enc.rows(table).sql
		for _, c := range vaults.Columns {
			if c.Tags.Redact {
				whether := "CASE WHEN x." + c.Ident() + " IS NOT NULL THEN '" + catalog.Redacted + "'::text END"
				require.Equal(t, 1, strings.Count(sql, "x."+c.Ident()), sql)
				require.Contains(t, sql, whether)
			}
		}
		enc.stop()
	}
}

func TestExportOpensWhatWasSealedBeforeAndAfterTheKeysRotated(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, sealedTable)
	const add = `INSERT INTO people (id, tenant_id, name) VALUES ($1, $2, $3)`
	h.exec(t, add, 1, h.mine, h.seal(t, "before", "public.people", "name"))
	ring := testenv.FieldKeys
	for i := 2; i < 5; i++ {
		var err error
		ring, err = fieldcrypt.Rotate(ring)
		require.NoError(t, err)
		h.ring, err = fieldcrypt.New(ring)
		require.NoError(t, err)
		h.exec(t, add, i, h.mine, h.seal(t, "after "+strconv.Itoa(i), "public.people", "name"))
	}
	h.service.cfg.Crypt = h.ring
	doc, _ := h.write(t, Request{})
	var got struct{ People []struct{ Name string } }
	require.NoError(t, json.Unmarshal(doc, &got))
	var names []string
	for _, p := range got.People {
		names = append(names, p.Name)
	}
	require.ElementsMatch(t, []string{"before", "after 2", "after 3", "after 4"}, names)
}
