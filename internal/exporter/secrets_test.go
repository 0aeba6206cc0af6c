package exporter

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/fieldcrypt"
	"wharf/internal/tenancy"
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
