package exporter

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/audit"
	"wharf/internal/fault"
	"wharf/internal/objectstore"
	"wharf/internal/tenancy"
	"wharf/internal/testenv"
)

// deskQueue takes jobs and runs none.
type deskQueue struct{}

func (deskQueue) Enqueue(context.Context, pgx.Tx, string, uuid.UUID, uuid.UUID) (int64, error) {
	return 1, nil
}

// withStore gives the house an object store and a queue, so that exports can be started and run.
func (h *house) withStore(t *testing.T) *house {
	t.Helper()
	s3 := testenv.Objects(t)
	store, err := objectstore.Open(t.Context(), objectstore.Config{
		Endpoint: s3.Endpoint, Bucket: s3.Bucket, AccessKey: s3.AccessKey, SecretKey: s3.SecretKey, PathStyle: true,
	})
	require.NoError(t, err)
	t.Cleanup(store.Close)
	t.Cleanup(func() { _, _ = store.DeletePrefix(context.Background(), objectstore.TenantPrefix(h.mine)) })
	cfg := &h.service.cfg
	cfg.Objects, cfg.Queue, cfg.Audit, cfg.TTL, cfg.LinkTTL = store, deskQueue{}, audit.New(cfg.Pool, cfg.DB), time.Hour, time.Minute
	return h
}

func (h *house) start(t *testing.T, req Request) Export {
	t.Helper()
	e, err := h.service.Start(t.Context(), tenancy.System(h.mine), Input{Request: req})
	require.NoError(t, err)
	return e
}

func (h *house) runOf(t *testing.T, id uuid.UUID) Export {
	t.Helper()
	require.NoError(t, h.service.Run(t.Context(), h.mine, id, func(context.Context, pgx.Tx) error { return nil }))
	e, err := h.service.Show(t.Context(), tenancy.System(h.mine), id)
	require.NoError(t, err)
	return e
}

// object gives the stored bytes of an export, and what it is saved as.
func (h *house) object(t *testing.T, id uuid.UUID) (data []byte, name string) {
	t.Helper()
	var key string
	require.NoError(t, h.admin.QueryRow(t.Context(), `SELECT object_key, file_name FROM wharf.exports WHERE id = $1`, id).Scan(&key, &name))
	body, _, err := h.service.cfg.Objects.Get(t.Context(), key, 0, -1)
	require.NoError(t, err)
	defer body.Close()
	data, err = io.ReadAll(body)
	require.NoError(t, err)
	return data, name
}

func TestEachFormatIsStoredUnderItsName(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, threeTables).withStore(t)
	h.exec(t, `INSERT INTO visits SELECT n, $1 FROM generate_series(1, 3) n`, h.mine)
	for format, c := range map[string]struct{ extension, magic string }{
		FormatJSON: {".json", `{"schema_version":1`}, FormatJSONL: {".zip", "PK"}, FormatCSV: {".zip", "PK"}, FormatXLSX: {".xlsx", "PK"},
	} {
		done := h.runOf(t, h.start(t, Request{Format: format}).ID)
		require.Equal(t, Completed, done.Status)
		require.Equal(t, map[string]int64{"people": 0, "pets": 0, "visits": 3}, done.Tables)
		require.EqualValues(t, 3, done.NumRows)
		data, name := h.object(t, done.ID)
		require.True(t, bytes.HasPrefix(data, []byte(c.magic)), format)
		require.Regexp(t, `^mine-\d{4}-\d\d-\d\d\`+c.extension+`$`, name)
		require.Equal(t, hexSum(string(data)), *done.SHA256)
		require.EqualValues(t, len(data), done.Bytes)
	}
}

func TestWarningsAreInTheExport(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, threeTables).withStore(t)
	since := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	done := h.runOf(t, h.start(t, Request{Since: &since, Exclude: []string{"people"}}).ID)
	require.Equal(t, []string{"since could not narrow what has no updated_at, all rows are here: visits"}, done.Warnings)
}

func TestNothingPlainOfAnEncryptedExportIsStored(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, threeTables).withStore(t)
	h.exec(t, `INSERT INTO people VALUES (1, $1, 'Ada Lovelace')`, h.mine)
	const passphrase = "correct horse battery"
	key, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	scrypt, err := age.NewScryptIdentity(passphrase)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		encrypt Encryption
		opens   age.Identity
	}{
		"for recipients":  {Encryption{Recipients: []string{key.Recipient().String()}}, key},
		"by a passphrase": {Encryption{Passphrase: passphrase}, scrypt},
	} {
		e := h.start(t, Request{Encrypt: &c.encrypt})
		done := h.runOf(t, e.ID)
		data, file := h.object(t, e.ID)
		require.True(t, strings.HasSuffix(file, ".json.age"), file)
		require.NotContains(t, string(data), "Lovelace")
		require.Equal(t, hexSum(string(data)), *done.SHA256, "of the object as it is stored")
		plain, err := age.Decrypt(bytes.NewReader(data), c.opens)
		require.NoError(t, err, name)
		var doc struct{ People []struct{ Name string } }
		require.NoError(t, json.NewDecoder(plain).Decode(&doc))
		require.Equal(t, "Ada Lovelace", doc.People[0].Name)
	}
	var all string
	require.NoError(t, h.admin.QueryRow(t.Context(), `SELECT (SELECT string_agg(e::text, '') FROM wharf.exports e) || (SELECT string_agg(a::text, '') FROM wharf.audit_log a)`).Scan(&all))
	require.NotContains(t, all, "horse")
	require.Contains(t, all, hiddenPassphrase)
}

func TestExportByPassphraseCannotBeRetried(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, threeTables).withStore(t)
	e := h.start(t, Request{Encrypt: &Encryption{Passphrase: "correct horse battery"}})
	err := tenancy.Tx(t.Context(), h.service.cfg.DB, tenancy.System(h.mine), func(ctx context.Context, tx pgx.Tx) error {
		if err := h.service.End(ctx, tx, h.mine, e.ID, Failed, "x"); err != nil {
			return err
		}
		return h.service.Reopen(ctx, tx, h.mine, e.ID, 2)
	})
	require.ErrorIs(t, err, ErrPassphraseForgotten)
}

func TestStartRefusesWhatCannotBeMadeAndAuditsIt(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, sealedTable).withStore(t)
	h.service.cfg.Crypt = nil
	for _, c := range []struct {
		req  Request
		code fault.Code
	}{
		{Request{Exclude: []string{"gone"}}, fault.Invalid},
		{Request{}, fault.Conflict}, // no keys
	} {
		_, err := h.service.Start(t.Context(), tenancy.System(h.mine), Input{Request: c.req})
		require.Equal(t, c.code, fault.CodeOf(err))
	}
	var exports, audited int
	require.NoError(t, h.admin.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM wharf.exports), (SELECT count(*) FROM wharf.audit_log)`).Scan(&exports, &audited))
	require.Equal(t, 0, exports)
	require.Equal(t, 2, audited)
}

// TestRunWhoseExportEndedMeanwhileChangesNothing: whoever ended it has said the last word, and nobody would find the object.
func TestRunWhoseExportEndedMeanwhileChangesNothing(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, threeTables).withStore(t)
	e := h.start(t, Request{})
	h.held(t, func() error {
		return h.service.Run(context.Background(), h.mine, e.ID, func(context.Context, pgx.Tx) error { return nil })
	}, func(end func() error) {
		require.NoError(t, tenancy.Tx(t.Context(), h.service.cfg.DB, tenancy.System(h.mine), func(ctx context.Context, tx pgx.Tx) error {
			return h.service.End(ctx, tx, h.mine, e.ID, Cancelled, "enough")
		}))
		require.Equal(t, fault.Conflict, fault.CodeOf(end()))
	})
	now, err := h.service.Show(t.Context(), tenancy.System(h.mine), e.ID)
	require.NoError(t, err)
	require.Equal(t, Cancelled, now.Status)
	for o, err := range h.service.cfg.Objects.List(t.Context(), objectstore.TenantPrefix(h.mine)) {
		require.NoError(t, err)
		require.Fail(t, "an object without a row", o.Key)
	}
}
