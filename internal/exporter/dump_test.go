package exporter

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/tenancy"
)

var update = flag.Bool("update", false, "write the golden file anew")

const goldenDump = "testdata/dump.golden"

// keysOf lists the members of an object in their order, below a name of tables those of its first row that are arrays of rows.
func keysOf(t *testing.T, doc []byte) string {
	t.Helper()
	var b strings.Builder
	dec := json.NewDecoder(bytes.NewReader(doc))
	_, err := dec.Token()
	require.NoError(t, err)
	for dec.More() {
		key, err := dec.Token()
		require.NoError(t, err)
		var value json.RawMessage
		require.NoError(t, dec.Decode(&value))
		b.WriteString(key.(string) + "\n")
		var rows []map[string]json.RawMessage
		if json.Unmarshal(value, &rows) != nil || len(rows) == 0 {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(rows[0])) {
			var nested []map[string]any
			if _, isTable := rows[0]["id"]; isTable && json.Unmarshal(rows[0][name], &nested) == nil && len(nested) > 0 && nested[0]["id"] != nil {
				b.WriteString("\t" + name + "\n")
			}
		}
	}
	return b.String()
}

func TestDumpOfTheSampleProductHasItsGoldenShape(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	doc, _ := h.write(t, Request{Format: FormatDump, Include: []string{"timeline"}})
	got := keysOf(t, doc)
	if *update {
		require.NoError(t, os.WriteFile(goldenDump, []byte(got), 0o600))
	}
	want, err := os.ReadFile(goldenDump)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(string(want), got), "if it is meant, run the test with -update")
}

// TestDumpHoldsTheVeryRowsOfTheFlatDocument compares tables that nest nothing byte for byte, and the others with Postgres's print.
func TestDumpHoldsTheVeryRowsOfTheFlatDocument(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	members, r := h.dumped(t, Request{Include: []string{"timeline", "audit"}})
	plain, all, _ := h.document(t, h.mine)
	nested := map[string]string{ // by parent
		"pipelines":    array("stages", "stages.pipeline_id = pipelines.id"),
		"repairs":      array("repair_stages", "repair_stages.repair_id = repairs.id"),
		"bespoke_jobs": array("bespoke_job_milestones", "bespoke_job_milestones.bespoke_job_id = bespoke_jobs.id"),
	}
	inside := map[string]bool{"stages": true, "repair_stages": true, "bespoke_job_milestones": true}
	for _, table := range h.snapshot(t).Tables {
		switch {
		case table.Operational || inside[table.Name]:
			require.NotContains(t, members, table.Name)
		case nested[table.Name] != "":
			var want string
			require.NoError(t, h.admin.QueryRow(t.Context(), printed(table.Name, "tenant_id = $1", nested[table.Name]), h.mine).Scan(&want))
			require.Equal(t, "["+want+"]", unbroken(members[table.Name]), table.Name)
		default:
			require.Equal(t, string(plain[table.Name]), string(members[table.Name]), table.Name)
		}
		if table.Operational {
			require.NotContains(t, r.tables, table.Name)
			continue
		}
		require.Equal(t, all.tables[table.Name], r.tables[table.Name], table.Name)
	}
	text, _ := h.write(t, Request{Format: FormatDump})
	require.NotContains(t, string(text), h.other.String())
}

const owned = `
	CREATE TABLE boards (id int PRIMARY KEY, tenant_id uuid NOT NULL, owner_user_id uuid, name text, pin text, sealed bytea);
	CREATE TABLE cards (board int NOT NULL REFERENCES boards, author text, helper uuid, pin text, sealed bytea);
	COMMENT ON COLUMN cards.board IS '@nested'; COMMENT ON COLUMN boards.owner_user_id IS '@user';
	COMMENT ON COLUMN cards.author IS '@user'; COMMENT ON COLUMN cards.helper IS '@user';
	COMMENT ON COLUMN cards.pin IS '@redact'; COMMENT ON COLUMN cards.sealed IS '@encrypted'`

func TestDumpNamesTheUsersThatItsRowsPointTo(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, owned)
	users := map[string]uuid.UUID{}
	for name, tenant := range map[string]uuid.UUID{
		"owner": h.mine, "author": h.mine, "helper": h.mine, "idle": h.mine, "stranger": h.other, "nobody": uuid.Nil,
	} {
		users[name] = uuid.New()
		h.exec(t, `INSERT INTO wharf.users (id, email) VALUES ($1, $2)`, users[name], name+"@example.com")
		if tenant != uuid.Nil {
			h.exec(t, `INSERT INTO wharf.memberships (tenant_id, user_id, role) VALUES ($1, $2, 'member')`, tenant, users[name])
		}
	}
	h.exec(t, `INSERT INTO boards VALUES (1, $1, $2), (2, $1, $3), (3, $1, $4), (4, $5, $6)`,
		h.mine, users["owner"], users["stranger"], users["nobody"], h.other, users["idle"])
	h.exec(t, `INSERT INTO cards VALUES (1, $1, $2), (1, 'nonsense', gen_random_uuid()), (4, NULL, $3)`, users["author"], users["helper"], users["idle"])
	members, _ := h.dumped(t, Request{})
	var refs map[string]string
	require.NoError(t, json.Unmarshal(members["user_refs"], &refs))
	require.Equal(t, map[string]string{
		users["owner"].String(): "owner@example.com", users["author"].String(): "author@example.com", users["helper"].String(): "helper@example.com",
	}, refs, "members whom the tenant's own rows name, and no others")
	require.Contains(t, string(members["boards"]), users["stranger"].String(), "the row is what it is")

	members, _ = h.dumped(t, Request{Exclude: []string{"cards"}})
	require.JSONEq(t, `{"`+users["owner"].String()+`": "owner@example.com"}`, string(members["user_refs"]), "of rows that are exported")
	plain, _, _ := h.document(t, h.mine)
	require.NotContains(t, plain, "user_refs")
}

func TestNestedColumnsAreOpenedAndRedactedAsAnyOther(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, owned)
	h.exec(t, `INSERT INTO boards VALUES (1, $1)`, h.mine)
	h.exec(t, `INSERT INTO cards (board, pin, sealed) VALUES (1, 'planted-secret', $1), (1, NULL, NULL)`, h.seal(t, `Zoë "Z"`, "public.cards", "sealed"))
	members, _ := h.dumped(t, Request{})
	require.Contains(t, string(members["boards"]),
		`"cards":[{"board":1,"author":null,"helper":null,"pin":"`+catalog.Redacted+`","sealed":"Zoë \"Z\""},{"board":1,"author":null,"helper":null,"pin":null,"sealed":null}]}`)
	h.exec(t, `UPDATE cards SET sealed = '\x00' WHERE sealed IS NOT NULL`)
	err := h.service.newRun(tenancy.System(h.mine), Request{Format: FormatDump}).document(t.Context(), &bytes.Buffer{})
	require.Equal(t, fault.Conflict, fault.CodeOf(err))
	require.ErrorContains(t, err, "cards.sealed")
	h.service.cfg.Crypt = nil
	var out bytes.Buffer
	require.Error(t, h.service.newRun(tenancy.System(h.mine), Request{Format: FormatDump}).document(t.Context(), &out))
	require.Zero(t, out.Len(), "without keys it does not begin")
}

// TestNestedTableThatCannotBeReadFailsTheDumpByName: what sits in another table is no less a table of the plan.
func TestNestedTableThatCannotBeReadFailsTheDumpByName(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, owned)
	h.exec(t, `REVOKE SELECT ON cards FROM wharf_service`)
	var out bytes.Buffer
	err := h.service.newRun(tenancy.System(h.mine), Request{Format: FormatDump}).document(t.Context(), &out)
	require.Equal(t, fault.Forbidden, fault.CodeOf(err))
	require.ErrorContains(t, err, "cards")
	require.Zero(t, out.Len())
}

func TestDumpOfASubjectLosesNoRow(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, `
		CREATE TABLE people (id int PRIMARY KEY, tenant_id uuid NOT NULL);
		CREATE TABLE mailings (id int PRIMARY KEY, tenant_id uuid NOT NULL, sample_for int REFERENCES people);
		CREATE TABLE letters (id int PRIMARY KEY, tenant_id uuid NOT NULL, mailing int NOT NULL REFERENCES mailings, person int REFERENCES people);
		CREATE TABLE clicks (id int PRIMARY KEY, tenant_id uuid NOT NULL, person int NOT NULL REFERENCES people);
		COMMENT ON COLUMN letters.mailing IS '@nested'; COMMENT ON TABLE clicks IS '@optional history'`)
	h.exec(t, `INSERT INTO people VALUES (1, $1)`, h.mine)
	h.exec(t, `INSERT INTO mailings VALUES (1, $1, 1), (2, $1, NULL)`, h.mine)
	h.exec(t, `INSERT INTO letters VALUES (1, $1, 1, 1), (2, $1, 2, 1)`, h.mine)
	h.exec(t, `INSERT INTO clicks VALUES (1, $1, 1)`, h.mine)
	req := Request{Scope: ScopeSubject, Subject: &Subject{Table: "people", ID: "1"}}
	_, r := h.dumped(t, req)
	require.Equal(t, map[string]int64{"people": 1, "mailings": 1, "letters": 2}, r.tables, "the second letter's mailing is nobody's")
	require.Equal(t, []string{"a dump leaves out what is operational, and what is optional unless include names its group; rows of the record are in: clicks"}, r.warned())
	req.Include = []string{"history"}
	_, r = h.dumped(t, req)
	require.EqualValues(t, 1, r.tables["clicks"])
	require.Empty(t, r.warned())
}

func TestDumpIsStoredAsADocument(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, owned).withStore(t)
	h.exec(t, `INSERT INTO boards VALUES (1, $1)`, h.mine)
	h.exec(t, `INSERT INTO cards VALUES (1), (1)`)
	done := h.runOf(t, h.start(t, Request{Format: FormatDump}).ID)
	require.Equal(t, map[string]int64{"boards": 1, "cards": 2}, done.Tables)
	require.EqualValues(t, 3, done.NumRows)
	data, name := h.object(t, done.ID)
	require.Regexp(t, `^mine-\d{4}-\d\d-\d\d\.json$`, name)
	require.True(t, json.Valid(data))
	require.Equal(t, hexSum(string(data)), *done.SHA256)

	key, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	done = h.runOf(t, h.start(t, Request{Format: FormatDump, Encrypt: &Encryption{Recipients: []string{key.Recipient().String()}}}).ID)
	data, name = h.object(t, done.ID)
	require.True(t, strings.HasSuffix(name, ".json.age"), name)
	plain, err := age.Decrypt(bytes.NewReader(data), key)
	require.NoError(t, err)
	var doc struct{ Boards []struct{ Cards []struct{} } }
	require.NoError(t, json.NewDecoder(plain).Decode(&doc))
	require.Len(t, doc.Boards[0].Cards, 2)
}

// TestDumpIsOfOneMoment has rows written between the tables' turns.
func TestDumpIsOfOneMoment(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, owned+`; CREATE TABLE a_first (id int PRIMARY KEY, tenant_id uuid NOT NULL)`)
	h.service.cfg.Readers = 1
	h.exec(t, `INSERT INTO a_first VALUES (1, $1)`, h.mine)
	h.exec(t, `INSERT INTO boards VALUES (1, $1)`, h.mine)
	w := &meanwhile{do: func() {
		h.exec(t, `INSERT INTO cards VALUES (1)`)
		h.exec(t, `INSERT INTO boards VALUES (2, $1)`, h.mine)
	}}
	r := h.service.newRun(tenancy.System(h.mine), Request{Format: FormatDump})
	require.NoError(t, r.document(context.Background(), w))
	require.Equal(t, map[string]int64{"a_first": 1, "boards": 1, "cards": 0}, r.tables)
}

// meanwhile does something at the first byte.
type meanwhile struct{ do func() }

func (m *meanwhile) Write(p []byte) (int, error) {
	if m.do != nil {
		m.do()
		m.do = nil
	}
	return len(p), nil
}
