package dump

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/require"

	"wharf/internal/catalog"
	"wharf/internal/fault"
)

// smallCatalog is one that needs no database: parents with children in them, and a column of each shape.
func smallCatalog() *catalog.Snapshot {
	column := func(num int16, name, typ string, oid uint32, kind catalog.Kind) *catalog.Column {
		return &catalog.Column{Num: num, Name: name, Type: typ, BaseType: typ, TypeOID: oid, BaseOID: oid, Kind: kind}
	}
	id := func() *catalog.Column { return column(1, "id", "uuid", pgtype.UUIDOID, catalog.KindUUID) }
	tenant := func() *catalog.Column { return column(2, "tenant_id", "uuid", pgtype.UUIDOID, catalog.KindUUID) }
	parents := &catalog.Table{
		Schema: "public", Relation: "parents", Name: "parents", PrimaryKey: []string{"id"}, Scope: catalog.Scope{Column: "tenant_id"},
		Columns: []*catalog.Column{
			id(), tenant(), column(3, "name", "text", pgtype.TextOID, catalog.KindText), column(4, "data", "jsonb", pgtype.JSONBOID, catalog.KindJSON),
			column(5, "n", "numeric", pgtype.NumericOID, catalog.KindNumeric), column(6, "list", "integer[]", pgtype.Int4ArrayOID, catalog.KindArray),
		},
	}
	children := &catalog.Table{
		Schema: "public", Relation: "children", Name: "children", PrimaryKey: []string{"id"}, Scope: catalog.Scope{Column: "tenant_id"},
		Columns: []*catalog.Column{
			id(), tenant(), column(3, "parent_id", "uuid", pgtype.UUIDOID, catalog.KindUUID),
			column(4, "at", "timestamp with time zone", pgtype.TimestamptzOID, catalog.KindTimestampTZ),
		},
		ForeignKeys: []catalog.ForeignKey{{Columns: []string{"parent_id"}, Target: parents, TargetColumns: []string{"id"}, NotNull: true, Nested: true}},
	}
	return &catalog.Snapshot{Tables: []*catalog.Table{parents, children}}
}

// readSmall reads a document into tuples, which it gives by table; ids are those of the first row of all tables.
func readSmall(text []byte, limits Limits) (map[string][]byte, *stager, error) {
	spec := Spec{Catalog: smallCatalog(), Prefix: "p"}
	s := newStager(&spec)
	for _, t := range s.order {
		t.mint = nil // new every time
	}
	sent := map[string][]byte{}
	s.send = newSender(context.Background(), func(_ context.Context, c chunk) error {
		sent[c.into] = append(sent[c.into], c.data...)
		return nil
	})
	err := Document(bytes.NewReader(text), limits).read(context.Background(), s)
	if err == nil {
		err = s.finish()
	}
	return sent, s, errors.Join(err, s.send.close())
}

// readSource reads a source into tuples that nobody gets.
func readSource(spec *Spec, src Source) error {
	s := newStager(spec)
	s.send = newSender(context.Background(), func(context.Context, chunk) error { return nil })
	err := src.read(context.Background(), s)
	if err == nil {
		err = s.finish()
	}
	return errors.Join(err, s.send.close())
}

const richDocument = ` {"workspace":{"id":"018f6d2e-0000-7000-8000-0000000000aa","x":[{}]},"user_refs":{"a":"b\u00e9","c":null},
"parents":[{"id":"018F6d2e-0000-7000-8000-000000000001","tenant_id":null,"name":"a\"\\\/\b\f\n\r\t\ud83d\ude00é","data":{"a":[1,-2.5e+10,true,null,"x"],"":{}},"n":-0.00120,
 "children":[{"at":"2026-01-02T03:04:05Z"},{}],"list":[[1],[null]],"more":{"skip":["\u0022",1e5,[[]]]}},{"name":"","n":1e3,"children":[]},{}],
"aliens":[{"a":"]}"},5,"x",[true,false,null]],"counts":{"parents":3,"q":"z"},"schema_version":1 } ` + "\n"

func TestADocumentCutShortAnywhereIsRefused(t *testing.T) {
	t.Parallel()
	whole, _, err := readSmall([]byte(richDocument), Limits{})
	require.NoError(t, err)
	end := strings.LastIndexByte(richDocument, '}')
	for cut := range end {
		_, _, err := readSmall([]byte(richDocument[:cut]), Limits{})
		require.Error(t, err, "cut at %d", cut)
		require.Equal(t, fault.Invalid, fault.CodeOf(err), "cut at %d: %s", cut, err)
		if cut > 1 {
			require.ErrorContains(t, err, "cut short", "cut at %d", cut)
		}
	}
	for cut := end + 1; cut <= len(richDocument); cut++ {
		got, _, err := readSmall([]byte(richDocument[:cut]), Limits{})
		require.NoError(t, err)
		require.Equal(t, whole, got)
	}
}

func TestWhereTheWindowEndsMakesNoDifference(t *testing.T) {
	t.Parallel()
	want, s, err := readSmall([]byte(richDocument), Limits{})
	require.NoError(t, err)
	require.Equal(t, []string{`parents has no column "more": it was left out`, `there is no table "aliens": it was left out`}, s.warnings())
	for size := 150; size < 700; size++ { // the largest row takes 110 bytes
		got, _, err := readSmall([]byte(richDocument), Limits{Row: size})
		require.NoError(t, err, "a window of %d bytes", size)
		require.Equal(t, want, got)
	}
}

func TestADocumentWithAByteChangedNeverBreaksTheReader(t *testing.T) {
	t.Parallel()
	text := []byte(richDocument)
	for i := range text {
		for _, b := range []byte{0, '"', '{', '}', '[', ']', ',', ':', '\\', '1', 'n', ' ', 0xff} {
			changed := bytes.Clone(text)
			changed[i] = b
			requireSound(t, changed, Limits{Row: 1000})
		}
	}
}

// requireSound reads what anybody may send: what is taken is JSON, and all errors are faults of the document.
func requireSound(t testing.TB, text []byte, limits Limits) {
	_, _, err := readSmall(text, limits)
	if err != nil {
		require.NotEqual(t, fault.Internal, fault.CodeOf(err), "%q: %s", text, err)
		return
	}
	require.True(t, json.Valid(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))), "%q is no JSON", text)
}

// FuzzDocument reads anything, whole and cut short.
func FuzzDocument(f *testing.F) {
	f.Add([]byte(richDocument), uint16(0), uint16(100))
	f.Add([]byte(`{"schema_version":1,"parents":[{"children":[{},{}]}]}`), uint16(10), uint16(0))
	f.Add([]byte("\xef\xbb\xbf{\"schema_version\":1}"), uint16(0), uint16(0))
	f.Add([]byte(`{"schema_version":1,"parents":[{"n":`+strings.Repeat("9", 300)+`}]}`), uint16(0), uint16(0))
	f.Fuzz(func(t *testing.T, text []byte, window, cut uint16) {
		if bytes.HasPrefix(text, gzipMagic) {
			return
		}
		limits := Limits{Row: int(window), Depth: 20}
		requireSound(t, text, limits)
		requireSound(t, text[:min(int(cut), len(text))], limits)
	})
}

func TestSkippingReadsWhatTheStandardLibraryReads(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{}`, `[]`, `{"a":{"b":[{}]}}`, `[[],[],{}]`, `"a\\"`, `"\\\""`, `"\u12"`, `"\u1g34"`, `[1,]`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `[,]`, `]`,
		`-`, `-0`, `01`, `1.`, `1e`, `1e+`, `.5`, `tru`, `true`, `nulll`, `"`, `"a` + "\t" + `"`, `{"a":1}}`, `[1]]`, `{"a":1 "b":2}`, `[{"a":[}]`, `{"\u0061":1}`,
	} {
		for _, window := range []int{1, 2, 3, 7, 100} {
			s := newScanner(strings.NewReader(text+" "), Limits{Row: window + 20}, func() string { return "" })
			s.buf = make([]byte, window)
			err := s.skip()
			if err == nil {
				err = s.finish()
			}
			require.Equal(t, json.Valid([]byte(text)), err == nil, "%s in a window of %d bytes: %v", text, window, err)
		}
	}
}

func TestPlacesInTheDocumentAreCountedFromItsBeginning(t *testing.T) {
	t.Parallel()
	text := []byte(`{"schema_version":1,"aliens":"` + strings.Repeat("x", 1<<20) + `","parents":[{"name":!}]}`)
	_, _, err := readSmall(text, Limits{})
	require.EqualError(t, err, fmt.Sprintf("parents row 1: this is not valid JSON at byte %d of the document", bytes.IndexByte(text, '!')+1))
}
