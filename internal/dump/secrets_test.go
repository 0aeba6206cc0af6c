package dump_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"wharf/internal/dump"
	"wharf/internal/fault"
	"wharf/internal/fieldcrypt"
)

const secretTables = `
CREATE TABLE public.doors (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, name text NOT NULL, pin text NOT NULL, hint text, is_active boolean NOT NULL DEFAULT true, UNIQUE (tenant_id, name));
COMMENT ON COLUMN public.doors.pin IS '@redact';
COMMENT ON COLUMN public.doors.hint IS '@redact';`

func TestSecretsAreMintedOnCreationAndLeftAloneAfter(t *testing.T) {
	t.Parallel()
	w := newTown(t, secretTables)
	const warning = `webhook 'hook' imported without a secret — mint a new one via PATCH`
	doc := document(`"webhooks": [{"name": "hook", "url": "https://a.example", "secret": "[redacted on export]", "is_active": true},
			{"name": "honest", "url": "https://b.example", "secret": "given in clear", "is_active": true}]`,
		`"integrations": [{"provider": "xero", "credentials": "[redacted on export]", "is_active": true}]`,
		`"doors": [{"name": "front", "pin": "[redacted on export]", "hint": "[redacted on export]"}, {"name": "back", "pin": "[redacted on export]", "hint": null, "is_active": true}]`)
	report := w.restore(t, doc)
	require.Contains(t, report.Warnings, warning)
	require.Equal(t, []string{"honest|t|t", "hook|f|f"}, w.query(t, `SELECT name, is_active, secret = 'given in clear' FROM webhooks WHERE tenant_id = $1 ORDER BY 1`))
	require.Equal(t, "f|∅", w.one(t, `SELECT is_active, credentials FROM integrations WHERE tenant_id = $1`), "nothing is minted for what may be null")
	require.Equal(t, []string{"back|f|∅|t", "front|f|∅|t"}, w.query(t, `SELECT name, is_active, hint, length(pin) >= 32 FROM doors WHERE tenant_id = $1 ORDER BY 1`))
	require.Equal(t, "2", w.one(t, `SELECT count(DISTINCT pin) FROM doors WHERE tenant_id = $1`), "each secret is its own")

	still := w.restore(t, doc)
	require.Equal(t, counts{0, 0, 2, 0}, countsOf(still.Created, still.Updated, still.Unchanged, still.Skipped, "webhooks"), "a second restore made it active")

	w.fill(t, `UPDATE webhooks SET secret = 'new one', is_active = true WHERE tenant_id = $1; UPDATE integrations SET credentials = '{"a": 1}', is_active = true WHERE tenant_id = $1`)
	again := w.restore(t, doc)
	require.Empty(t, about(again, "without a secret"))
	require.Equal(t, []string{"new one|t"}, w.query(t, `SELECT secret, is_active FROM webhooks WHERE tenant_id = $1 AND name = 'hook'`))
	require.Equal(t, `{"a": 1}|t`, w.one(t, `SELECT credentials, is_active FROM integrations WHERE tenant_id = $1`))
}

func TestEncryptedColumnsAreSealedForTheTenantAndFoundByTheirHash(t *testing.T) {
	t.Parallel()
	w := newTown(t, "")
	doc := document(`"customers": [{"id": "` + id(1) + `", "name": "Zoë", "email": "Zoe@Example.org", "email_hash": "\\x6576696c", "phone": null, "notes": "first"}]`)
	report := w.restore(t, doc)
	require.EqualValues(t, 1, report.Created["customers"])
	place := fieldcrypt.Column{Tenant: w.ours, Table: "public.customers", Column: "email"}
	var sealed, hash []byte
	require.NoError(t, w.admin.QueryRow(t.Context(), `SELECT email, email_hash FROM customers WHERE tenant_id = $1`, w.ours).Scan(&sealed, &hash))
	plain, err := w.ring.Open(nil, sealed, place)
	require.NoError(t, err)
	require.Equal(t, "Zoe@Example.org", string(plain))
	require.NotContains(t, string(hash), "evil", "a hash from a document is never taken")

	again := w.restore(t, doc)
	require.Equal(t, counts{0, 0, 1, 0}, countsOf(again.Created, again.Updated, again.Unchanged, again.Skipped, "customers"))
	changed := w.restore(t, document(`"customers": [{"email": " zoe@example.org", "notes": "second"}]`))
	require.Equal(t, counts{0, 1, 0, 0}, countsOf(changed.Created, changed.Updated, changed.Unchanged, changed.Skipped, "customers"))
	require.Equal(t, "second", w.one(t, `SELECT notes FROM customers WHERE tenant_id = $1`))

	_, err = w.try(doc, func(s *dump.Spec) { s.Crypt = nil })
	require.Error(t, err, "without keys nothing can be sealed")
}

func TestReadonlyColumnsAreNotWritten(t *testing.T) {
	t.Parallel()
	w := newTown(t, "")
	w.restore(t, document(`"customers": [{"external_id": "K", "last_visit_at": "2024-01-01T00:00:00Z"}]`))
	require.Equal(t, "∅", w.one(t, `SELECT last_visit_at FROM customers WHERE tenant_id = $1`))
	w.fill(t, `UPDATE customers SET last_visit_at = '2020-01-01Z' WHERE tenant_id = $1`)
	again := w.restore(t, document(`"customers": [{"external_id": "K", "last_visit_at": "2024-01-01T00:00:00Z"}]`))
	require.EqualValues(t, 1, again.Unchanged["customers"])
	require.Equal(t, "2020", w.one(t, `SELECT extract(year FROM last_visit_at) FROM customers WHERE tenant_id = $1`))
}

func TestAStorageKeyOfADocumentIsNeverTrusted(t *testing.T) {
	t.Parallel()
	w := newTown(t, "")
	theirs := uuid.NewString() + "/files/secret.pdf"
	w.fill(t, `INSERT INTO files (tenant_id, filename, sha256, storage_key) VALUES ($1, 'mine', 'aa', 'ours/mine'), ($2, 'theirs', 'bb', '`+theirs+`')`)
	w.restore(t, document(`"files": [{"filename": "a", "sha256": "aa", "storage_key": "`+theirs+`"}, {"filename": "b", "sha256": "bb", "storage_key": "`+theirs+`"}]`))
	require.Equal(t, "ours/mine", w.one(t, `SELECT storage_key FROM files WHERE tenant_id = $1 AND sha256 = 'aa'`))
	require.Equal(t, "0", w.one(t, `SELECT count(*) FROM files WHERE tenant_id = $1 AND storage_key = '`+theirs+`'`))
}

func TestWhatIsNotKnownIsWarnedOfOnce(t *testing.T) {
	t.Parallel()
	w := newTown(t, "")
	report := w.restore(t, document(
		`"spaceships": [{"id": 1, "crew": [{"name": "a"}]}, {"id": 2}]`,
		`"companies": [{"external_id": "A", "name": "a", "colour": "red", "shape": {"x": [1]}}, {"external_id": "B", "name": "b", "colour": "blue"}]`,
		`"remarks": "hello"`,
		`"webhook_deliveries": [{"id": 1, "webhook_id": "`+id(1)+`", "event_type": "x", "payload": {}}]`,
		`"feature_flags": [{"name": "x"}]`,
		`"users": [{"id": "`+id(2)+`"}]`))
	require.EqualValues(t, 2, report.Created["companies"])
	for _, what := range []string{"spaceships", "colour", "shape", "webhook_deliveries", "feature_flags", "users"} {
		require.Len(t, about(report, what), 1, "%s in %q", what, report.Warnings)
	}
	require.Equal(t, "0", w.one(t, `SELECT count(*) FROM webhook_deliveries WHERE tenant_id = $1`))
	require.Equal(t, "0", w.one(t, `SELECT count(*) FROM feature_flags WHERE name = 'x'`))
	require.NotContains(t, report.Created, "spaceships")
}

func TestCountsThatAreNotWhatWasReadAreWarnedOf(t *testing.T) {
	t.Parallel()
	w := newTown(t, "")
	report := w.restore(t, document(`"companies": [{"name": "a"}]`, `"contacts": [{"external_id": "c"}]`, `"counts": {"companies": 2, "contacts": 1}`))
	require.Len(t, about(report, "companies"), 2, "the count, and that they have no key: %q", report.Warnings)
	require.Empty(t, about(report, "contacts"), "%q", report.Warnings)
}

func TestVersionsOfTheSchema(t *testing.T) {
	t.Parallel()
	w := newTown(t, "")
	for doc, want := range map[string]string{
		`{"schema_version": 999}`:                                      "unsupported schema_version: 999; this server supports [1]",
		`{"companies": [{"name": "a"}], "schema_version": 999}`:        "unsupported schema_version: 999; this server supports [1]",
		`{"schema_version": 0, "companies": []}`:                       "unsupported schema_version: 0; this server supports [1]",
		`{"schema_version": 1.5}`:                                      "schema_version",
		`{"schema_version": "1"}`:                                      "schema_version",
		`{"schema_version": 99999999999999999999999999, "deals": [] }`: "schema_version",
		`{"companies": [{"name": "a"}]}`:                               "schema_version",
		`{}`:                                                           "schema_version",
	} {
		_, err := w.try(doc)
		require.Equal(t, fault.Invalid, fault.CodeOf(err), "%s: %v", doc, err)
		names(t, err, want)
	}
	report := w.restore(t, `{"companies": [{"external_id": "last", "name": "a"}], "counts": {"companies": 1}, "schema_version": 1}`)
	require.EqualValues(t, 1, report.Created["companies"], "the version may come last")
	require.Equal(t, "1", w.one(t, `SELECT count(*) FROM companies`))
}
