package load_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/fieldcrypt"
	"wharf/internal/load"
	"wharf/internal/rowprogram"
	"wharf/internal/tabular"
)

const sealedTables = `
CREATE TABLE public.clients (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, email bytea NOT NULL, email_hash text NOT NULL, phone bytea, fax bytea, name text,
	name_hash bytea, UNIQUE (tenant_id, email_hash));
COMMENT ON COLUMN public.clients.email IS '@encrypted';
COMMENT ON COLUMN public.clients.email_hash IS '@hash email';
COMMENT ON COLUMN public.clients.phone IS '@encrypted';
COMMENT ON COLUMN public.clients.fax IS '@encrypted';
COMMENT ON COLUMN public.clients.name_hash IS '@hash name';`

// keys makes a key ring, and opens it.
func keys(t testing.TB) (string, *fieldcrypt.Ring) {
	t.Helper()
	text, err := fieldcrypt.NewKeys()
	require.NoError(t, err)
	ring, err := fieldcrypt.New(text)
	require.NoError(t, err)
	return text, ring
}

// clients gives the rows of ours as they are when opened: e-mail, phone, fax, name.
func (w *world) clients(t testing.TB, ring *fieldcrypt.Ring) []string {
	t.Helper()
	rows, err := w.admin.Query(context.Background(), `SELECT email, phone, fax, name, email_hash, name_hash FROM clients WHERE tenant_id = $1 ORDER BY name`, w.ours)
	require.NoError(t, err)
	place := func(column string) fieldcrypt.Column {
		return fieldcrypt.Column{Tenant: w.ours, Table: "public.clients", Column: column}
	}
	var out []string
	for rows.Next() {
		var email, phone, fax, nameHash []byte
		var name, emailHash *string
		require.NoError(t, rows.Scan(&email, &phone, &fax, &name, &emailHash, &nameHash))
		var cells []string
		for i, sealed := range [][]byte{email, phone, fax} {
			if sealed == nil {
				cells = append(cells, "∅")
				continue
			}
			plain, err := ring.Open(nil, sealed, place([]string{"email", "phone", "fax"}[i]))
			require.NoError(t, err)
			cells = append(cells, string(plain))
		}
		require.Equal(t, fmt.Sprintf("%x", ring.Hash(nil, []byte(cells[0]), place("email_hash"))), *emailHash)
		if name == nil {
			require.Nil(t, nameHash)
			name = new(string)
		} else {
			require.Equal(t, ring.Hash(nil, []byte(*name), place("name_hash")), nameHash)
		}
		out = append(out, strings.Join(append(cells, *name), "|"))
	}
	require.NoError(t, rows.Err())
	return out
}

func TestEncryptedColumnsAreSealedMatchedAndComparedWithoutBeingRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sealedTables)
	text, ring := keys(t)
	spec := w.spec(t, "clients", "email phone fax name")
	spec.Crypt = ring
	file := rows("Ann@x.example | 1 | 11 | Ann", "bob@x.example | 2 | | Bob", "cy@x.example | | | ")
	require.Equal(t, load.Counts{Created: 3}, w.merge(t, spec, file).Counts)
	want := []string{"Ann@x.example|1|11|Ann", "bob@x.example|2|∅|Bob", "cy@x.example|∅|∅|"}
	require.Equal(t, want, w.clients(t, ring))

	t.Run("the same again changes nothing, under another key too", func(t *testing.T) { //nolint:paralleltest // on the same rows
		rotated, err := fieldcrypt.Rotate(text)
		require.NoError(t, err)
		spec := spec
		spec.Crypt, err = fieldcrypt.New(rotated)
		require.NoError(t, err)
		before := w.all(t, "clients")
		require.Equal(t, load.Counts{Unchanged: 3}, w.merge(t, spec, file).Counts)
		require.Equal(t, before, w.all(t, "clients"))
	})
	t.Run("what differs is written, and can be taken back", func(t *testing.T) { //nolint:paralleltest // on the same rows
		before := w.all(t, "clients")
		spec := spec
		spec.Undo, spec.Match = uuid.New(), []string{"lower(email)"}
		got := w.merge(t, spec, rows("ANN@X.example | 1 | 12 | ", " bob@x.example | 2 | | Bob", "cy@x.example | 3 | | Cy", "dee@x.example | | | Dee"))
		require.Equal(t, load.Counts{Created: 1, Updated: 2, Unchanged: 1}, got.Counts)
		require.Equal(t, []string{"ANN@X.example|1|12|Ann", "bob@x.example|2|∅|Bob", "cy@x.example|3|∅|Cy", "dee@x.example|∅|∅|Dee"}, w.clients(t, ring))
		require.Equal(t, load.Reverted{Table: "clients", Deleted: 1, Restored: 2}, w.revert(t, spec.Undo))
		require.Equal(t, before, w.all(t, "clients"))
	})
	t.Run("a value that nothing opens is another", func(t *testing.T) { //nolint:paralleltest // on the same rows
		w.seed(t, `UPDATE clients SET phone = '\x0102' WHERE name = 'Bob'`)
		require.Equal(t, load.Counts{Updated: 1, Unchanged: 2}, w.merge(t, spec, file).Counts)
		require.Equal(t, want, w.clients(t, ring))
	})
	t.Run("clearing empties the hash too", func(t *testing.T) { //nolint:paralleltest // on the same rows
		spec := spec
		spec.Clear = true
		got := w.merge(t, spec, rows("ann@x.example | | 11 | ", "bob@x.example | 2 | | Bob"))
		require.Equal(t, load.Counts{Updated: 1, Unchanged: 1}, got.Counts)
		require.ElementsMatch(t, []string{"ann@x.example|∅|11|", "bob@x.example|2|∅|Bob", "cy@x.example|∅|∅|"}, w.clients(t, ring))
		got = w.merge(t, spec, rows(" | | | Nobody"))
		require.Equal(t, []string{"2 email: Email is required ()", "2 email: Email is required ()"}, got.messages())
	})
}

func TestManySealedValuesAreComparedPageAfterPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sealedTables)
	_, ring := keys(t)
	spec := w.spec(t, "clients", "email phone name")
	spec.Crypt = ring
	var first, second []string
	for i := range 25_000 {
		first = append(first, fmt.Sprintf("p%d@x.example | %d | n", i, i))
		phone := i
		if i%5000 == 7 {
			phone++
		}
		second = append(second, fmt.Sprintf("p%d@x.example | %d | n", i, phone))
	}
	require.EqualValues(t, len(first), w.merge(t, spec, rows(first...)).Created)
	require.EqualValues(t, len(first), w.merge(t, spec, rows(first...)).Unchanged)
	require.Equal(t, load.Counts{Updated: 5, Unchanged: 24_995}, w.merge(t, spec, rows(second...)).Counts)
}

func TestPlainTextReachesNeitherStagingNorErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sealedTables)
	_, ring := keys(t)
	spec := w.spec(t, "clients", "email phone name")
	spec.Crypt, spec.Uniques = ring, []load.Unique{{Column: 0, Message: "Email must be unique"}}
	plan, err := load.Compile(spec)
	require.NoError(t, err)
	cells := func(texts ...string) (out [][]byte) {
		for _, c := range texts {
			out = append(out, []byte(c))
		}
		return out
	}
	name, _ := w.stage(t, plan, given(tabular.Batch{
		Cols: 3, Lines: []int64{2, 3, 4, 5},
		Cells: cells("secret-a@x", "secret-1", "A", "secret-b@x", "secret-\xff", "B", "secret-c@x", "secret-2", "C", "Secret-A@x", "", "D"),
		Errors: []tabular.CellError{
			{Row: 2, Col: 1, Rule: "phone", Message: "is no phone number", Value: "secret-2"},
			{Row: 2, Col: 2, Rule: "regex", Message: "is no name", Value: "C"},
		},
	}))
	staged := strings.Join(w.query(t, `SELECT s.*::text FROM wharf_staging.`+name+` s`), "\n")
	require.NotContains(t, strings.ToLower(staged), "secret")
	require.NotContains(t, staged, fmt.Sprintf("%x", "secret"))

	w.inTx(t, func(ctx context.Context, tx pgx.Tx) {
		read, err := plan.Rows(ctx, tx, name, load.AllRows, 0, 10)
		require.NoError(t, err)
		require.Equal(t, []string{"secret-a@x", "secret-1", "A"}, read[0].Cells, "one who may mend it may read it")
		require.Equal(t, []string{"secret-c@x", "", "C"}, read[2].Cells)
	})
	program, err := rowprogram.Compile([]rowprogram.Field{{Name: "email", Type: "text"}, {Name: "phone", Type: "text"}, {Name: "name", Type: "text"}}, rowprogram.Config{})
	require.NoError(t, err)
	w.mend(t, plan, program, name, 4, map[int]string{1: "22"})

	got, err := w.mergeStaged(spec, plan, name)
	require.NoError(t, err)
	require.Equal(t, []string{
		"3 phone: Phone is not valid UTF-8 ()",
		"5 email: Email must be unique; row 2 has the same value ()",
	}, got.messages())
	require.Equal(t, []string{"secret-a@x|secret-1|∅|A", "secret-c@x|22|∅|C"}, w.clients(t, ring))

	spec.Uniques = nil
	again := w.merge(t, spec, rows("secret-z@x | 1 | Z", "SECRET-z@x | 2 | Z"))
	require.Equal(t, []string{"3 email: the same Email as row 2 ()"}, again.messages())
}

func TestTheSampleMatchesCustomersByTheirHashedAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	_, ring := keys(t)
	spec := w.spec(t, "customers", "email name phone notes")
	spec.Crypt = ring
	require.Equal(t, load.Counts{Created: 2}, w.merge(t, spec, rows("a@x.example | A | 1 | n", "b@x.example | B | 2 | n")).Counts)
	require.Equal(t, load.Counts{Updated: 1, Unchanged: 1}, w.merge(t, spec, rows("A@x.example | A | 1 | n", "b@x.example | B | 2 | changed")).Counts)
	for _, match := range []string{"email", "email_hash", "lower(email)"} {
		spec.Match = []string{match}
		require.Equal(t, load.Counts{Unchanged: 2}, w.merge(t, spec, rows("a@x.example | A | 1 | n", "b@x.example | B | 2 | changed")).Counts)
	}
	m, err := load.ParseMatch(spec.Table, "external_id, email")
	require.NoError(t, err)
	require.Equal(t, "external_id, email_hash", m.String())
	require.Equal(t, "email", load.GivenBy(spec.Table, "email_hash"))
	require.Equal(t, "notes", load.GivenBy(spec.Table, "notes"))
}

func TestEncryptedColumnsNeedKeysAndHashesAreNobodysToGive(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sealedTables)
	_, ring := keys(t)
	refused := func(columns string, ring *fieldcrypt.Ring, uniques ...load.Unique) string {
		spec := w.spec(t, "clients", columns)
		spec.Crypt, spec.Uniques = ring, uniques
		_, err := load.Compile(spec)
		require.Equal(t, fault.Invalid, fault.CodeOf(err))
		f, _ := fault.As(err)
		require.Len(t, f.Fields, 1)
		return f.Fields[0].Field + ": " + f.Fields[0].Message
	}
	require.Contains(t, refused("phone", nil), "WHARF_FIELD_KEYS")
	require.Contains(t, refused("name", nil), "name: name_hash: ")
	require.Equal(t, "email_hash: email_hash is computed from email", refused("email_hash", ring))
	require.Equal(t, "phone: phone is encrypted and has no @hash column, so it cannot be checked to be unique",
		refused("email phone name", ring, load.Unique{Column: 1, Message: "x"}))
}
