package dump

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
)

// parcel is a bundle in the making: files, of which the manifest lists those that are tables or objects.
type parcel struct {
	names    []string
	bytes    map[string][]byte
	manifest map[string]any
	tables   []any
	objects  []any
}

func newParcel() *parcel {
	return &parcel{bytes: map[string][]byte{}, tables: []any{}, objects: []any{}, manifest: map[string]any{
		"schema_version": 1, "format": "jsonl", "tenant": map[string]any{"id": "018f6d2e-0000-7000-8000-0000000000aa", "slug": "x"}, "request": map[string]any{},
	}}
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func (p *parcel) file(name, text string) *parcel {
	p.names, p.bytes[name] = append(p.names, name), []byte(text)
	return p
}

func (p *parcel) table(name string, rows ...string) *parcel {
	file := "tables/" + name + ".jsonl"
	p.file(file, strings.Join(append(rows, ""), "\n"))
	p.tables = append(p.tables, map[string]any{"table": name, "file": file, "rows": len(rows), "sha256": sumOf(p.bytes[file]), "bytes": len(p.bytes[file])})
	return p
}

func (p *parcel) object(file, key, text string) *parcel {
	p.file(file, text)
	p.objects = append(p.objects, map[string]any{"file": file, "key": key, "sha256": sumOf([]byte(text))})
	return p
}

// zip gives the bundle, its manifest last as an export's.
func (p *parcel) zip(t testing.TB) []byte {
	t.Helper()
	p.manifest["tables"], p.manifest["files"] = p.tables, p.objects
	text, err := json.Marshal(p.manifest)
	require.NoError(t, err)
	return p.file(manifestName, string(text)).bare(t)
}

// bare gives a zip of the files.
func (p *parcel) bare(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range p.names {
		method := zip.Deflate
		if strings.HasPrefix(name, "files/") {
			method = zip.Store
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: method})
		require.NoError(t, err)
		_, err = w.Write(p.bytes[name])
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return b.Bytes()
}

func bundleOf(t testing.TB, text []byte) Source {
	t.Helper()
	src, err := Bundle(bytes.NewReader(text), int64(len(text)), Limits{})
	require.NoError(t, err)
	return src
}

func TestABundleIsReadTableByTable(t *testing.T) {
	t.Parallel()
	y := newYard(t, "")
	p := newParcel().table("pipelines", `{"slug": "one", "name": "One", "stages": [{"slug": "a"}]}`).
		table("contacts", `{"email": "a"}`, `{"email": "b"}`, ``).table("companies").table("aliens", `{`).table("webhook_deliveries", `{}`).
		file("readme.txt", "hello").file(".DS_Store", "x")
	p.manifest["user_refs"] = map[string]any{"u": "u@example.com"}
	p.tables[1].(map[string]any)["rows"] = 5
	d := y.read(t, bundleOf(t, p.zip(t)))
	require.Equal(t, []string{"companies", "contacts", "pipelines", "stages"}, d.order)
	require.Equal(t, "b", d.rows["contacts"][1][".email"])
	require.Equal(t, "1", d.rows["stages"][0]["up"])
	require.Equal(t, []map[string]string{{"id": "u", "email": "u@example.com"}}, d.rows["user_refs"])
	require.Equal(t, "018f6d2e-0000-7000-8000-0000000000aa", d.head.workspace.String())
	require.Equal(t, 1, d.head.version)
	require.Equal(t, []string{
		`there is no table "aliens": it was left out`,
		"webhook_deliveries belongs to the installation that it comes from: it was left out",
		"the bundle holds readme.txt, of which its manifest knows nothing: it was left out",
		"contacts: the document says that it has 5 rows, and has 2",
	}, d.warnings)
}

func TestAZipOfOneDocumentIsThatDocument(t *testing.T) {
	t.Parallel()
	y := newYard(t, "")
	text := doc(`"contacts": [{"email": "a"}]`)
	for name, inner := range map[string]string{"dump.json": text, "x/Dump.JSON.gz": string(gzipped(t, text))} {
		src := bundleOf(t, newParcel().file("__MACOSX/._x", "y").file(name, inner).bare(t))
		require.Equal(t, "a", y.read(t, src).rows["contacts"][0][".email"])
		require.Nil(t, src.files())
	}
}

func TestABundleThatIsWrongIsRefused(t *testing.T) {
	t.Parallel()
	contacts := func() *parcel { return newParcel().table("contacts", `{"email": "a"}`) }
	with := func(key string, value any) *parcel {
		p := contacts()
		p.manifest[key] = value
		return p
	}
	first := func(key string, value any) *parcel {
		p := contacts()
		p.tables[0].(map[string]any)[key] = value
		return p
	}
	twice := contacts()
	twice.tables = append(twice.tables, twice.tables[0])
	renamed := contacts()
	renamed.table("companies").tables[1].(map[string]any)["table"] = "contacts"
	whole := contacts().zip(t)
	flipped := bytes.Clone(whole)
	flipped[55] ^= 0x40 // in the first file
	listed := newParcel().file("a.csv", "x")
	listed.tables = []any{map[string]any{"table": "contacts", "file": "a.csv"}}
	for name, c := range map[string]struct {
		zip  []byte
		want string
	}{
		"another checksum":   {first("sha256", sumOf(nil)).zip(t), "tables/contacts.jsonl is damaged: it has another checksum than the bundle's manifest says"},
		"no checksum":        {first("sha256", nil).zip(t), "tables/contacts.jsonl is damaged"},
		"a missing file":     {first("file", "tables/x.jsonl").zip(t), `the bundle is not whole: it lacks "tables/x.jsonl"`},
		"a file twice":       {twice.zip(t), `the bundle's manifest lists "tables/contacts.jsonl" twice`},
		"a table twice":      {renamed.zip(t), "the document has contacts twice"},
		"no rows":            {newParcel().table("contacts", `[1]`).zip(t), "contacts row 1: it is not an object"},
		"half a row":         {newParcel().table("contacts", `{"email": "a"`).zip(t), "contacts row 1: the document ends in the middle"},
		"garbage":            {newParcel().table("contacts", `{}`, `}`).zip(t), "contacts row 2: it is not an object"},
		"no version":         {with("schema_version", nil).zip(t), "unsupported schema_version: null"},
		"another version":    {with("schema_version", 7).zip(t), "unsupported schema_version: 7; this server supports [1]"},
		"files of CSV":       {with("format", "csv").zip(t), "this bundle holds CSV files, which do not say enough to be restored"},
		"another format":     {with("format", "parquet").zip(t), "this bundle has the format parquet"},
		"a table's CSV":      {listed.zip(t), "this bundle holds files such as a.csv"},
		"tables of no list":  {newParcel().file(manifestName, `{"schema_version":1,"tables":{}}`).bare(t), "manifest.json: tables is not a list"},
		"no manifest":        {newParcel().file("a.json", "{}").file("b.json", "{}").bare(t), "the zip holds neither a manifest.json"},
		"an empty zip":       {newParcel().bare(t), "the zip holds neither a manifest.json"},
		"CSV":                {newParcel().file("a.csv", "x").bare(t), "this zip holds CSV files"},
		"a workbook":         {newParcel().file("xl/workbook.xml", "x").bare(t), "this is a workbook"},
		"a manifest cut":     {newParcel().file(manifestName, `{"schema_version":1`).bare(t), "manifest.json: the document ends in the middle"},
		"a name that climbs": {contacts().file("../../etc/passwd", "x").zip(t), `the zip holds a file whose name leads out of it: "../../etc/passwd"`},
		"a name from above":  {contacts().file("/etc/passwd", "x").zip(t), "leads out of it"},
		"a name of Windows":  {contacts().file(`..\x`, "x").zip(t), "leads out of it"},
		"a name twice":       {contacts().file("a", "1").file("a", "2").zip(t), `the zip holds "a" twice`},
		"no zip":             {[]byte("PK\x03\x04" + strings.Repeat("x", 100)), "the zip is damaged, or was cut short"},
		"nothing":            {nil, "the zip is damaged, or was cut short"},
		"half a zip":         {whole[:len(whole)/2], "the zip is damaged, or was cut short"},
		"a flipped bit":      {flipped, "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src, err := Bundle(bytes.NewReader(c.zip), int64(len(c.zip)), Limits{})
			if err == nil {
				err = readAll(t, src)
			}
			require.ErrorContains(t, err, c.want)
			require.Contains(t, []fault.Code{fault.Invalid, fault.UnsupportedMedia}, fault.CodeOf(err))
		})
	}
}

// readAll reads a source into tuples that nobody gets, by the sample product's names of tables.
func readAll(t testing.TB, src Source) error {
	t.Helper()
	small := smallCatalog()
	small.Tables[0].Name, small.Tables[1].Name = "contacts", "companies"
	small.Tables[0].Columns[2].Name = "email"
	spec := Spec{Catalog: small, Prefix: "p"}
	return readSource(&spec, src)
}

func TestAZipBombEndsAtTheLimit(t *testing.T) {
	t.Parallel()
	bomb := newParcel().table("contacts", `{"x": "`+strings.Repeat("0", 50<<20)+`"}`).zip(t)
	require.Less(t, len(bomb), 100<<10)
	src, err := Bundle(bytes.NewReader(bomb), int64(len(bomb)), Limits{Bytes: 10 << 20})
	require.NoError(t, err)
	err = readAll(t, src)
	require.ErrorContains(t, err, `(limit "bytes")`)
	require.Equal(t, fault.TooLarge, fault.CodeOf(err))

	huge := newParcel().file(manifestName, `{"x": "`+strings.Repeat("0", manifestBytes)+`"}`).bare(t)
	_, err = Bundle(bytes.NewReader(huge), int64(len(huge)), Limits{})
	require.Equal(t, fault.TooLarge, fault.CodeOf(err), err)

	many := newParcel()
	for range maxTables + 1 {
		many.tables = append(many.tables, map[string]any{})
	}
	text := many.zip(t)
	_, err = Bundle(bytes.NewReader(text), int64(len(text)), Limits{})
	require.ErrorContains(t, err, "it lists more than 10000 tables")
}

func TestTheListOfAZipsFilesIsBounded(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	name := strings.Repeat("n", 60_000)
	for i := range 600 {
		_, err := z.CreateHeader(&zip.FileHeader{Name: fmt.Sprint(name, i), Method: zip.Store})
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	_, err := Bundle(bytes.NewReader(b.Bytes()), int64(b.Len()), Limits{})
	require.ErrorContains(t, err, "the zip lists too many files")
	require.Equal(t, fault.TooLarge, fault.CodeOf(err))
}

func TestAPasswordIsToldFromDamage(t *testing.T) {
	t.Parallel()
	text := newParcel().file("dump.json", doc(`"contacts": []`)).bare(t)
	text[6] |= 1                                             // in the file's own header …
	text[bytes.LastIndex(text, []byte("PK\x01\x02"))+8] |= 1 // … and in the directory
	require.ErrorContains(t, readAll(t, bundleOf(t, text)), "the zip is protected by a password")
}

// measured counts what is read, and may break.
type measured struct {
	r     io.ReaderAt
	bytes int64
	err   error
}

func (m *measured) ReadAt(p []byte, at int64) (int, error) {
	if m.err != nil {
		return 0, m.err
	}
	n, err := m.r.ReadAt(p, at)
	m.bytes += int64(n)
	return n, err
}

// noise is what does not compress.
func noise(n int) string {
	random := rand.New(rand.NewPCG(3, 4))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return string(b)
}

func TestOnlyWhatIsNeededOfABundleIsRead(t *testing.T) {
	t.Parallel()
	pictures := noise(8 << 20)
	text := newParcel().object("files/1/a.png", "tenant/a", pictures).table("contacts", `{"email": "a"}`).zip(t)
	m := &measured{r: bytes.NewReader(text)}
	src, err := Bundle(m, int64(len(text)), Limits{})
	require.NoError(t, err)
	require.NoError(t, readAll(t, src))
	require.Less(t, m.bytes, int64(2<<20))
	m.err = errors.New("the store is away")
	src, err = Bundle(m, int64(len(text)), Limits{})
	require.ErrorIs(t, err, m.err)
	require.Nil(t, src)
	require.Equal(t, fault.Internal, fault.CodeOf(err))
}

func TestTheBytesOfFilesAreFoundByTheKeyOfTheirRows(t *testing.T) {
	t.Parallel()
	text := newParcel().object("files/1/photo of me.png", "old-tenant/abc", "bytes of a picture").table("contacts").
		object("files/2/letter", "old-tenant/def", "a letter").zip(t)
	src := bundleOf(t, text)
	require.NoError(t, readAll(t, src))
	body, sum, contentType, ok := src.files().open("files", "old-tenant/abc")
	require.True(t, ok)
	require.Equal(t, sumOf([]byte("bytes of a picture")), sum)
	require.Equal(t, "image/png", contentType)
	got, err := io.ReadAll(body)
	require.NoError(t, err)
	require.NoError(t, body.Close())
	require.Equal(t, "bytes of a picture", string(got))
	_, _, contentType, ok = src.files().open("files", "old-tenant/def")
	require.True(t, ok)
	require.Empty(t, contentType)
	for _, key := range []sourceKey{"", "files/1/photo of me.png", "../x", "old-tenant/ghi"} {
		_, _, _, ok = src.files().open("files", key)
		require.False(t, ok, key)
	}
	require.Nil(t, bundleOf(t, newParcel().table("contacts").zip(t)).files())
}

func TestTheBytesOfFilesCountAgainstTheLimit(t *testing.T) {
	t.Parallel()
	text := newParcel().object("files/1/a", "k", noise(100_000)).table("contacts").zip(t)
	src, err := Bundle(bytes.NewReader(text), int64(len(text)), Limits{Bytes: 50_000})
	require.NoError(t, err)
	require.NoError(t, readAll(t, src))
	body, _, _, ok := src.files().open("files", "k")
	require.True(t, ok)
	_, err = io.ReadAll(body)
	require.Equal(t, fault.TooLarge, fault.CodeOf(err))
	require.NoError(t, body.Close())
}
