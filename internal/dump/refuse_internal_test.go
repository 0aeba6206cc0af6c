package dump

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/tenancy"
)

func TestADocumentThatIsWrongIsRefusedByTableRowAndColumn(t *testing.T) {
	t.Parallel()
	y := newYard(t, "")
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct{ text, want string }{
		{``, "the document is empty"},
		{" \n\t", "the document is empty"},
		{`[]`, "the document is not an object"},
		{`{}`, "the document has no schema_version"},
		{`{"contacts": []}`, "the document has no schema_version"},
		{`{"schema_version": 999}`, "unsupported schema_version: 999; this server supports [1]"},
		{`{"schema_version": "1"}`, `unsupported schema_version: "1"; this server supports [1]`},
		{`{"schema_version": 1.0}`, "unsupported schema_version: 1.0; this server supports [1]"},
		{`{"schema_version": 1, "schema_version": 1}`, "the document has schema_version twice"},
		{doc(`"contacts": [], "companies": [], "contacts": []`), "the document has contacts twice"},
		{doc(`"contacts": [], "c\u006fntacts": []`), "the document has contacts twice"},
		{doc(`"contacts": {}`), "contacts is not a list"},
		{doc(`"contacts": null`), "contacts is not a list"},
		{doc(`"contacts": [{}, 5]`), "contacts row 2: it is not an object"},
		{doc(`"contacts": [[]]`), "contacts row 1: it is not an object"},
		{doc(`"contacts": [{"email": "a", "phone": 1, "email": "b"}]`), "contacts row 1: email stands in it twice"},
		{doc(`"contacts": [{"tenant_id": "a", "tenant_id": "b"}]`), "contacts row 1: tenant_id stands in it twice"},
		{doc(`"pipelines": [{"stages": [], "stages": []}]`), "pipelines row 1: stages stands in it twice"},
		{doc(`"pipelines": [{}, {"stages": {}}]`), "pipelines row 2: stages is not a list"},
		{doc(`"pipelines": [{"stages": [{}, {"position": "first"}]}]`), "stages row 2: position is not a whole number: first"},
		{doc(`"contacts": [{}, {"company_id": "x"}]`), "contacts row 2: company_id is not a UUID: x"},
		{doc(`"contacts": [{"email": {}}]`), "contacts row 1: email is an object, which its type cannot hold: {}"},
		{doc(`"contacts": [{"email": ["a"]}]`), `contacts row 1: email is a list, which its type cannot hold: ["a"]`},
		{doc(`"contacts": [{"email": "\ud83d"}]`), "contacts row 1: email holds half a surrogate pair"},
		{doc(`"contacts": [{"email": "a\u0000b"}]`), "contacts row 1: email holds a NUL character: a␀b"},
		{doc(`"contacts": [{"email": "` + "\xff" + `"}]`), "contacts row 1: email is not valid UTF-8: �"},
		{doc(`"contacts": [{"data": {"a": "\u0000"}}]`), `contacts row 1: data holds \u0000, which jsonb cannot keep`},
		{doc(`"contacts": [{"data": "` + "\xff" + `"}]`), "contacts row 1: data is not valid UTF-8"},
		{doc(`"contacts": [{"phone": "` + strings.Repeat("é", 65) + `"}]`), "contacts row 1: phone is longer than 64 characters: " + strings.Repeat("é", 50) + "…"},
		{doc(`"deals": [{"amount": 1.234}]`), "deals row 1: amount"},
		{doc(`"deals": [{"status": "wonn"}]`), "deals row 1: status must be one of open, won, lost: wonn"},
		{doc(`"deals": [{"closed_at": "yesterday"}]`), "deals row 1: closed_at is not an ISO date and time: yesterday"},
		{doc(`"webhooks": [{"secret": {"s": 1}}]`), "webhooks row 1: secret is an object, which its type cannot hold"},
		{doc(`"contacts": [{"email" "a"}]`), "contacts row 1: this is not valid JSON at byte"},
		{doc(`"contacts": [{"email": 'a'}]`), "contacts row 1: this is not valid JSON at byte"},
		{doc(`"contacts": [{"email": 01}]`), "contacts row 1: this is not valid JSON at byte"},
		{doc(`"contacts": [{"email": nul}]`), "contacts row 1: this is not valid JSON at byte"},
		{doc(`"contacts": [{"email": "a",}]`), "contacts row 1: this is not valid JSON at byte"},
		{doc(`"contacts": [{},]`), "contacts row 2: it is not an object"},
		{doc(`"contacts": [{} {}]`), "this is not valid JSON at byte"},
		{doc(`"aliens": [1 2]`), "this is not valid JSON at byte"},
		{doc(`"aliens": [1}`), "this is not valid JSON at byte"},
		{doc(`"aliens": "a` + "\n" + `b"`), "this is not valid JSON at byte"},
		{doc(`"aliens": "\x"`), "this is not valid JSON at byte"},
		{doc(`"contacts": []`) + `{}`, "there is something behind the end of the document, at byte 36"},
		{doc(`"contacts": []`) + "\x00", "there is something behind the end of the document"},
		{`{"schema_version": 1, "contacts": [{"email": "a`, "contacts row 1: the document ends in the middle, after 47 bytes: it was cut short"},
		{doc(`"aliens": ` + deep(501)), "nested deeper than 500 levels"},
		{doc(`"contacts": [{"data": ` + deep(498) + `}]`), "contacts row 1: nested deeper than 500 levels"},
		{doc(`"counts": {"contacts": "many"}`), `counts: contacts is not a number of rows: "many"`},
		{doc(`"counts": {"contacts": 1e3}`), `counts: contacts is not a number of rows: 1e3`},
		{doc(`"counts": {"contacts": -1}`), `counts: contacts is not a number of rows: -1`},
		{doc(`"counts": []`), "counts is not an object"},
		{doc(`"user_refs": {"a": "\u0000"}`), `user_refs: the e-mail "␀" holds a NUL character`},
		{doc(`"user_refs": [1]`), "user_refs is not an object"},
		{doc(`"workspace": 5`), "workspace is not an object"},
		{"PK\x03\x04rest", "this is a zip, and not a JSON document"},
		{"age-encryption.org/v1\n", "the document is encrypted"},
		{"-----BEGIN AGE ENCRYPTED FILE-----\n", "the document is encrypted"},
		{"\xff\xfe{\x00", "UTF-16"},
		{"\x1f\x8bnope", "the gzip file is damaged"},
	} {
		require.Contains(t, y.refuses(t, c.text), c.want, c.text)
	}
	require.Empty(t, y.readText(t, "\xef\xbb\xbf"+doc(`"aliens": 5, "contacts": [{"data": `+deep(497)+`}]`)).head.counts, "a byte order mark; just deep enough")
}

func TestSecretsAreInNoError(t *testing.T) {
	t.Parallel()
	y := newYard(t, "")
	for _, text := range []string{`"customers": [{"email": {"a": "hush"}}]`, `"webhooks": [{"secret": ["hush"]}]`, `"customers": [{"email": "hush\u0000"}]`} {
		require.NotContains(t, y.refuses(t, doc(text)), "hush")
	}
}

func gzipped(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}

func TestGzipIsTakenOff(t *testing.T) {
	t.Parallel()
	y := newYard(t, "")
	packed := gzipped(t, doc(`"contacts": [{"email": "a"}]`))
	require.Equal(t, "a", y.readText(t, string(packed)).rows["contacts"][0][".email"])
	require.Contains(t, y.refuses(t, string(packed[:len(packed)-3])), "the gzip file is damaged, or was cut short")
	require.Contains(t, y.refuses(t, string(packed)+"rest"), "the gzip file is damaged")
	packed[len(packed)-5] ^= 1
	require.Contains(t, y.refuses(t, string(packed)), "the gzip file is damaged")
	require.Contains(t, y.refuses(t, string(gzipped(t, string(packed)))), "compressed twice")
	require.Contains(t, y.refuses(t, string(gzipped(t, ""))), "the document is empty")
}

func TestLimitsHold(t *testing.T) {
	t.Parallel()
	y := newYard(t, "")
	stage := func(limits Limits, text string) error {
		_, err := y.stage(y.spec(), Document(strings.NewReader(text), limits), nil)
		return err
	}
	row := `"contacts": [{"first_name": "` + strings.Repeat("a", 200) + `", "last_name": "` + strings.Repeat("b", 200) + `", "email": "c"}]`
	require.NoError(t, stage(Limits{Row: 402}, doc(row)))
	err := stage(Limits{Row: 400}, doc(row))
	require.EqualError(t, err, `contacts row 1: it is larger than 400 bytes (limit "row")`)
	require.Equal(t, fault.TooLarge, fault.CodeOf(err))
	require.EqualError(t, stage(Limits{Row: 150}, doc(row)), `contacts row 1: a value is larger than 150 bytes (limit "row")`)

	stages := strings.TrimSuffix(strings.Repeat(`{"name": "`+strings.Repeat("s", 100)+`"},`, 50), ",")
	require.NoError(t, stage(Limits{Row: 250}, doc(`"pipelines": [{"name": "`+strings.Repeat("p", 100)+`", "stages": [`+stages+`]}]`)),
		"rows inside of a row are not part of it")
	require.NoError(t, stage(Limits{Row: 64}, doc(`"aliens": "`+strings.Repeat("x", 10_000)+`", "contacts": [{"antennae": "`+strings.Repeat("y", 10_000)+`"}]`)),
		"what is left out takes no memory")

	text := doc(row)
	require.NoError(t, stage(Limits{Bytes: int64(len(text))}, text))
	err = stage(Limits{Bytes: int64(len(text)) - 1}, text)
	require.ErrorContains(t, err, `(limit "bytes")`)
	require.Equal(t, fault.TooLarge, fault.CodeOf(err))
	require.ErrorContains(t, stage(Limits{Bytes: 1000}, string(gzipped(t, doc(`"aliens": "`+strings.Repeat("x", 100_000)+`"`)))), `(limit "bytes")`)
	require.ErrorContains(t, stage(Limits{Depth: 3}, doc(`"contacts": [{"data": {}}]`)), "nested deeper than 3 levels")
}

func TestErrorsOfTheSourceAreItsOwn(t *testing.T) {
	t.Parallel()
	y := newYard(t, "")
	broken := errors.New("the store is away")
	for name, head := range map[string]string{"at once": "", "in a row": doc("")[:len(doc(""))-1] + `"contacts": [{"email": "a`, "in gzip": string(gzipped(t, doc(`"contacts": []`))[:20])} {
		_, err := y.stage(y.spec(), Document(io.MultiReader(strings.NewReader(head), iotest.ErrReader(broken)), Limits{}), nil)
		require.ErrorIs(t, err, broken, name)
		require.Equal(t, fault.Internal, fault.CodeOf(err), name)
	}
	head := doc(`"contacts": [{"email": "` + strings.Repeat("a", 100))
	_, err := y.stage(y.spec(), Document(io.MultiReader(strings.NewReader(head), iotest.ErrReader(io.ErrUnexpectedEOF)), Limits{}), nil)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, fault.Internal, fault.CodeOf(err), "half a download is not half a document")
}

func TestStagingEndsWithItsContextOrItsConnection(t *testing.T) {
	t.Parallel()
	y := newYard(t, "")
	text := string(contactsDocument(20_000))
	ctx, cancel := context.WithCancel(context.Background())
	err := tenancy.Tx(ctx, y.db, tenancy.System(y.tenant), func(ctx context.Context, tx pgx.Tx) error {
		spec := y.spec()
		spec.Progress = func(Progress) { cancel() }
		_, _, _, err := stage(ctx, tx, spec, Document(strings.NewReader(text), Limits{}))
		return err
	})
	require.ErrorIs(t, err, context.Canceled)
	stopped, stop := context.WithCancel(context.Background())
	stop()
	require.ErrorIs(t, Document(strings.NewReader(text), Limits{}).read(stopped, newStager(&Spec{Catalog: smallCatalog()})), context.Canceled, "whatever is sent")

	for _, again := range []string{text, doc(`"contacts": []`)} { // it fails while more is read, or at the end
		spec := y.spec()
		_, err = y.stage(spec, Document(strings.NewReader(text), Limits{}), func(ctx context.Context, tx pgx.Tx, _ *stagedDocument) error {
			_, _, _, err := stage(ctx, tx, spec, Document(strings.NewReader(again), Limits{}))
			return err
		})
		require.ErrorContains(t, err, "already exists", "what the connection says is not lost")
	}
}

func TestProgressIsTold(t *testing.T) {
	t.Parallel()
	y := newYard(t, "")
	text := contactsDocument(5_000)
	var told []Progress
	spec := y.spec()
	spec.Progress = func(at Progress) { told = append(told, at) }
	_, err := y.stage(spec, Document(bytes.NewReader(text), Limits{}), nil)
	require.NoError(t, err)
	require.Greater(t, len(told), 2)
	last := told[len(told)-1]
	require.Equal(t, Progress{Phase: Reading, Table: "contacts", Rows: 5_000, Bytes: int64(len(text)) - 1}, last)
	require.Less(t, told[0].Rows, last.Rows)
}
