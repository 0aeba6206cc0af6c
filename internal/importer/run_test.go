package importer

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/fieldcrypt"
	"wharf/internal/objectstore"
	"wharf/internal/rowprogram"
	"wharf/internal/tabular"
	"wharf/internal/tenancy"
	"wharf/internal/testenv"
)

// house is a service on real parts. Jobs are not worked by a queue here: the test runs them.
type house struct {
	*Service
	p     tenancy.Principal
	other uuid.UUID // another tenant
	admin *pgxpool.Pool
	hooks *letterbox
}

// noQueue numbers jobs that nobody works.
type noQueue struct{}

func (noQueue) Enqueue(context.Context, pgx.Tx, string, uuid.UUID, uuid.UUID) (int64, error) {
	return 1, nil
}

func newHouse(t *testing.T) *house {
	t.Helper()
	db := testenv.Sample(t)
	tenant := db.Tenant(t, "acme")
	pool := db.Service(t)
	wall := &tenancy.DB{Pool: pool, Wall: tenancy.Wall{Setting: "app.tenant_id"}}
	read := func(ctx context.Context, tx pgx.Tx) (*catalog.Snapshot, error) {
		return catalog.Read(ctx, tx, catalog.Config{Schemas: []string{"public"}, TenantColumn: "tenant_id", TenantTable: "wharf.tenants"})
	}
	var snap *catalog.Snapshot
	require.NoError(t, pgx.BeginFunc(context.Background(), pool, func(tx pgx.Tx) (err error) {
		snap, err = read(context.Background(), tx)
		return err
	}))
	h := &house{
		p: tenancy.Principal{Tenant: tenant, Actor: "test", Role: tenancy.Owner}, other: db.Tenant(t, "globex"), admin: db.Admin(t), hooks: &letterbox{},
	}
	ring, err := fieldcrypt.New(testenv.FieldKeys)
	require.NoError(t, err)
	h.Service = New(Config{
		Pool: pool, DB: wall, Objects: objects(t), Queue: noQueue{}, Catalog: read,
		Snapshot: func() *catalog.Snapshot { return snap }, Limits: tabular.DefaultLimits(),
		Programs: rowprogram.Config{PhoneRegion: "US"}, LinkTTL: time.Minute, UndoTTL: time.Hour, Webhooks: h.hooks, Crypt: ring, TenantTable: "wharf.tenants",
		Retention: Retention{Files: time.Hour, Reports: time.Hour, Reviews: time.Hour}, UploadTTL: time.Hour, UploadBytes: 1 << 20,
	})
	return h
}

func objects(t *testing.T) *objectstore.Store {
	t.Helper()
	s3 := testenv.Objects(t)
	store, err := objectstore.Open(context.Background(), objectstore.Config{
		Endpoint: s3.Endpoint, Bucket: s3.Bucket, AccessKey: s3.AccessKey, SecretKey: s3.SecretKey, PathStyle: true,
	})
	require.NoError(t, err)
	t.Cleanup(store.Close)
	return store
}

// importer makes one from JSON.
func (h *house) importer(t *testing.T, doc string) Importer {
	t.Helper()
	var in Input
	require.NoError(t, json.Unmarshal([]byte(doc), &in))
	i, err := h.Create(context.Background(), h.p, in)
	require.NoError(t, err)
	return i
}

// upload starts an import of the content.
func (h *house) upload(t *testing.T, req Request, content string) uuid.UUID {
	t.Helper()
	ctx := context.Background()
	if req.FileName == "" {
		req.FileName = "file.csv"
	}
	obj, err := h.Upload(ctx, h.p, req.FileName, strings.NewReader(content))
	require.NoError(t, err)
	started, err := h.Start(ctx, h.p, req, obj)
	require.NoError(t, err)
	return started.ID
}

func done(context.Context, pgx.Tx) error { return nil }

// run does what the job does, and ends the import as the job would if it fails.
func (h *house) run(t *testing.T, id uuid.UUID) Import {
	t.Helper()
	ctx := context.Background()
	if err := h.Run(ctx, h.p.Tenant, id, done); err != nil {
		f, coded := fault.As(err)
		require.True(t, coded, "%v", err)
		require.NoError(t, tenancy.Tx(ctx, h.cfg.DB, h.p, func(ctx context.Context, tx pgx.Tx) error {
			return h.End(ctx, tx, h.p.Tenant, id, Failed, fmt.Sprint(f.Message, " ", f.Fields))
		}))
	}
	i, err := h.Show(ctx, h.p, id)
	require.NoError(t, err)
	return i
}

func (h *house) result(t *testing.T, id uuid.UUID) [][]string {
	t.Helper()
	link, err := h.ResultLink(context.Background(), h.p, id)
	require.NoError(t, err)
	res, err := http.Get(link)
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, http.StatusOK, res.StatusCode)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	records, err := csv.NewReader(strings.NewReader(string(body))).ReadAll()
	require.NoError(t, err)
	return records
}

const people = `{"name": "People", "fields": [
	{"name": "full_name", "type": "text", "validators": [{"type": "required"}], "transformations": [{"type": "trim"}]},
	{"name": "age", "type": "number", "validators": [{"type": "min", "value": 18}]},
	{"name": "joined", "type": "date", "transformations": [{"type": "normalize_date", "format": "DD.MM.YYYY"}]},
	{"name": "email", "type": "email", "validators": [{"type": "unique"}]}]%s}`

const peopleFile = "Full Name,Age,Joined,E-Mail\n Ada ,36,2024-02-29,ada@example.com\nBob,17,2024-02-30,ADA@example.com\n"

func TestFileDestination(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		options string
		status  string
		skipped int64
		rows    [][]string
	}{
		"shows errors beside the rows": {
			options: ``, status: Completed,
			rows: [][]string{
				{"full_name", "age", "joined", "email", "errors"},
				{"Ada", "36", "29.02.2024", "ada@example.com", ""},
				{"Bob", "17", "2024-02-30", "ADA@example.com", "Age must be at least 18; "},
			},
		},
		"leaves invalid rows out": {
			options: `, "filter_invalid_rows": true`, status: Completed, skipped: 1,
			rows: [][]string{{"full_name", "age", "joined", "email"}, {"Ada", "36", "29.02.2024", "ada@example.com"}},
		},
		"takes no file with an invalid row": {options: `, "disable_on_invalid_rows": true`, status: Failed, skipped: 1},
		"disable wins over filter":          {options: `, "filter_invalid_rows": true, "disable_on_invalid_rows": true`, status: Failed, skipped: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			imp := h.importer(t, strings.Replace(people, "%s", want.options, 1))
			id := h.upload(t, Request{ImporterID: &imp.ID}, peopleFile)
			got := h.run(t, id)
			require.Equal(t, want.status, got.Status)
			require.EqualValues(t, 2, got.NumRows)
			require.EqualValues(t, 3, got.NumErrors)
			require.Equal(t, want.skipped, got.NumSkipped)
			require.Len(t, got.Errors, 3)
			for _, e := range got.Errors {
				require.EqualValues(t, 3, e.Row)
			}
			if want.rows == nil {
				require.NotContains(t, got.Links, "result")
				return
			}
			rows := h.result(t, id)
			require.Len(t, rows, len(want.rows))
			for n, row := range want.rows {
				for c, cell := range row {
					if n == 2 && c == 4 {
						require.Contains(t, rows[n][c], "Age must be at least 18")
						require.Contains(t, rows[n][c], "row 2")
						continue
					}
					require.Equal(t, cell, rows[n][c], "row %d, %s", n, want.rows[0][c])
				}
			}
		})
	}
}

func TestDisableOnInvalidRowsWritesNothingIntoATable(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	disable := true
	id := h.upload(t, Request{Table: "contacts", Disable: &disable}, "external_id,first_name\n1,Ada\n1,Again\n")
	got := h.run(t, id)
	require.Equal(t, Failed, got.Status)
	require.EqualValues(t, 1, got.NumErrors)
	require.Zero(t, got.NumCreated)
	require.Contains(t, *got.Error, "nothing was written")
	var n int
	require.NoError(t, h.admin.QueryRow(context.Background(), `SELECT count(*) FROM contacts`).Scan(&n))
	require.Zero(t, n)
}

func TestEditingAnImporterChangesNoRetry(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	imp := h.importer(t, strings.Replace(people, "%s", `, "disable_on_invalid_rows": true`, 1))
	id := h.upload(t, Request{ImporterID: &imp.ID}, peopleFile)
	require.Equal(t, Failed, h.run(t, id).Status)
	disable := false
	_, err := h.Update(ctx, h.p, imp.ID, Input{DisableOnInvalid: &disable})
	require.NoError(t, err)
	require.NoError(t, tenancy.Tx(ctx, h.cfg.DB, h.p, func(ctx context.Context, tx pgx.Tx) error {
		return h.Reopen(ctx, tx, h.p.Tenant, id, 2)
	}))
	require.Equal(t, Failed, h.run(t, id).Status, "the import began with a definition that accepts no invalid row")
	other := h.upload(t, Request{ImporterID: &imp.ID}, peopleFile)
	require.Equal(t, Completed, h.run(t, other).Status)
}

func TestFilesThatCannotBeImported(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	field := "nosuch"
	for name, c := range map[string]struct {
		req     Request
		content string
		says    string
	}{
		"an empty file":              {Request{Table: "contacts"}, "", "empty"},
		"an unterminated quote":      {Request{Table: "contacts"}, "external_id,first_name\n1,\"Ada\n2,Bob\n", "row 2"},
		"columns nobody asked for":   {Request{Table: "contacts"}, "foo,bar\n1,2\n", "foo, bar"},
		"a mapping to no field":      {Request{Table: "contacts", Mapping: map[string]*string{"a": &field}}, "a,external_id\n1,2\n", "mapping"},
		"a workbook of the old kind": {Request{Table: "contacts", FileName: "old.xls"}, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 600), "xlsx"},
		"a limit that is passed":     {Request{Table: "contacts"}, "external_id\n" + strings.Repeat("x", 2<<20) + "\n", "bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := h.run(t, h.upload(t, c.req, c.content))
			require.Equal(t, Failed, got.Status)
			require.Contains(t, *got.Error, c.says)
		})
	}
}

func TestDefinitionsThatCannotWorkNameEveryPlace(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var in Input
	require.NoError(t, json.Unmarshal([]byte(`{"name": "", "webhook_url": "ftp://x", "destination": {"kind": "table", "table": "contacts", "match": ["nosuch"]},
		"fields": [{"name": "email", "type": "mail"}, {"name": "first_name", "type": "text", "validators": [{"type": "regex", "pattern": "("}]},
		{"name": "tenant_id", "type": "text"}, {"name": "nosuch", "type": "select"}]}`), &in))
	_, err := h.Create(context.Background(), h.p, in)
	require.Equal(t, fault.Invalid, fault.CodeOf(err))
	f, _ := fault.As(err)
	places := map[string]string{}
	for _, field := range f.Fields {
		places[field.Field] = field.Message
	}
	for _, place := range []string{
		"name", "webhook_url", "fields[0].type", "fields[1].validators[0].pattern", "fields[2].name", "fields[3].name", "fields[3].options", "destination.match[0]",
	} {
		require.Contains(t, places, place, "%v", places)
	}
}

func TestAStoredFileOutlivesItsFailedImport(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	id := h.upload(t, Request{Table: "contacts"}, "foo\n1\n")
	require.Equal(t, Failed, h.run(t, id).Status)
	r, err := h.row(ctx, h.p, id)
	require.NoError(t, err)
	_, err = h.cfg.Objects.Head(ctx, r.FileKey)
	require.NoError(t, err)
}

func TestOptionsThatNoFileCouldBeReadWithAreRefusedAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	req := Request{Table: "contacts", Options: tabular.Options{Encoding: "klingon", Delimiter: "ab"}}
	_, err := h.Start(context.Background(), h.p, req, objectstore.Object{Key: "x", Bytes: 1, SHA256: "x"})
	f, coded := fault.As(err)
	require.True(t, coded)
	require.Equal(t, fault.Invalid, f.Code)
	require.Len(t, f.Fields, 2)
	require.Equal(t, "encoding", f.Fields[0].Field)
	require.Contains(t, f.Fields[0].Message, "klingon")
	require.Equal(t, "delimiter", f.Fields[1].Field)
}

func TestErrorOfASpreadsheetIsOneError(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var file bytes.Buffer
	w := tabular.NewXLSXWriter(&file)
	require.NoError(t, w.Sheet(tabular.XLSXSheet{Name: "S", Columns: []string{"external_id", "title"}}))
	w.Text([]byte("001"))
	w.Failed([]byte("#DIV/0!"))
	require.NoError(t, w.EndRow())
	require.NoError(t, w.Close())
	got := h.run(t, h.upload(t, Request{Table: "contacts", FileName: "a.xlsx"}, file.String()))
	require.Equal(t, Completed, got.Status)
	require.Equal(t, []RowError{{
		Row: 2, Field: "title", Message: "Job Title holds an error of the spreadsheet: correct its formula, or put a value there", Value: "#DIV/0!",
	}}, got.Errors)
	require.Equal(t, "xlsx", got.File.Format)
	require.Equal(t, "S", got.File.Sheet)
}
