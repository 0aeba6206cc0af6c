package exporter_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"wharf/internal/exporter"
	"wharf/internal/fault"
)

// intoOwnBucket asks for exports into a bucket with credentials of its own: the tests' bucket, by a prefix that is emptied after.
func (d *desk) intoOwnBucket(t *testing.T, expression string) exporter.ScheduleInput {
	t.Helper()
	prefix := "own-" + uuid.NewString() + "/"
	t.Cleanup(func() {
		_, err := d.app.Objects.DeletePrefix(context.Background(), prefix)
		require.NoError(t, err)
	})
	return exporter.ScheduleInput{Cron: expression, Destination: &exporter.DestinationInput{
		Bucket:      exporter.Bucket{Bucket: d.s3.Bucket, Prefix: prefix, Endpoint: d.s3.Endpoint},
		Credentials: exporter.Credentials{AccessKey: d.s3.AccessKey, SecretKey: d.s3.SecretKey},
	}}
}

// secretIsNowhere checks that no row of Wharf's holds the credentials in the clear.
func (d *desk) secretIsNowhere(t *testing.T) {
	t.Helper()
	tables := read[[]string](t, d, `SELECT array_agg(oid::regclass::text) FROM pg_class
		WHERE relnamespace IN ('wharf'::regnamespace, 'river'::regnamespace) AND relkind = 'r'`)
	for _, table := range tables {
		doc := read[string](t, d, fmt.Sprintf(`SELECT coalesce(string_agg(r::text, E'\n'), '') FROM %s r`, table))
		for _, secret := range []string{d.s3.SecretKey, d.s3.AccessKey} {
			require.NotContains(t, doc, secret, table)
			require.NotContains(t, doc, fmt.Sprintf("%x", secret), table)
		}
	}
}

func fetched(t *testing.T, link string) string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get(link)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, res.StatusCode, string(body))
	return string(body)
}

// startOne gives the export of the only schedule.
func (d *desk) startOne(t *testing.T) uuid.UUID {
	t.Helper()
	d.due(t)
	d.runSchedules(t)
	return d.exports(t)[0].ID
}

func (d *desk) keys(t *testing.T, prefix string) (keys []string) {
	t.Helper()
	for o, err := range d.app.Objects.List(context.Background(), prefix) {
		require.NoError(t, err)
		keys = append(keys, o.Key)
	}
	return keys
}

func TestExportGoesToTheTenantsOwnBucket(t *testing.T) {
	t.Parallel()
	ctx, d := context.Background(), newDesk(t)
	in := d.intoOwnBucket(t, "@hourly")
	v := d.create(t, in)
	require.True(t, v.Destination.HasCredentials)
	require.Equal(t, in.Destination.Prefix, v.Destination.Prefix)
	id := d.startOne(t)
	require.NoError(t, d.work(t, id))
	d.secretIsNowhere(t)
	keys := d.keys(t, in.Destination.Prefix)
	require.Len(t, keys, 1)
	require.Regexp(t, `/\d{4}-\d\d-\d\dT\d{6}Z-[0-9a-f-]{36}\.json$`, keys[0])
	require.Empty(t, d.keys(t, d.p.Tenant.String()+"/"), "and nowhere else")
	require.Nil(t, d.exports(t)[0].ExpiresAt, "it is the tenant's to keep")

	link, err := d.Download(ctx, d.p, id)
	require.NoError(t, err)
	require.Contains(t, link, keys[0])
	require.Contains(t, fetched(t, link), `"counts"`)

	second := d.startOne(t)
	require.NoError(t, d.work(t, second))
	require.Len(t, d.keys(t, in.Destination.Prefix), 2)
	require.NoError(t, d.Delete(ctx, d.p, second))
	require.Equal(t, keys, d.keys(t, in.Destination.Prefix), "who deletes an export deletes its object")

	require.NoError(t, d.DeleteSchedule(ctx, d.p, v.ID))
	require.Equal(t, keys, d.keys(t, in.Destination.Prefix))
	require.Equal(t, 0, read[int](t, d, `SELECT count(credentials) FROM wharf.export_destinations`))
	_, err = d.Download(ctx, d.p, id)
	require.Equal(t, fault.Conflict, fault.CodeOf(err))
	require.ErrorContains(t, err, "forgotten with its schedule")
}

func TestCredentialsStayWithTheirBucket(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	in := d.intoOwnBucket(t, "@hourly")
	v := d.create(t, in)
	first := d.startOne(t)
	require.NoError(t, d.work(t, first))
	moved, err := d.patch(t, v.ID, `{"destination": {"prefix": "`+in.Destination.Prefix+`deeper"}}`)
	require.NoError(t, err)
	require.True(t, moved.Destination.HasCredentials)
	second := d.startOne(t)
	require.NoError(t, d.work(t, second))
	require.Len(t, d.keys(t, in.Destination.Prefix+"deeper/"), 1)
	for _, elsewhere := range []string{`{"bucket": "another"}`, `{"endpoint": "http://127.0.0.1:1"}`, `{"region": "eu-west-1"}`} {
		_, err := d.patch(t, v.ID, `{"destination": `+elsewhere+`}`)
		f, _ := fault.As(err)
		require.NotNil(t, f, elsewhere)
		require.Equal(t, "destination.access_key", f.Fields[0].Field, "they would be shown to whoever is there")
	}
	home, err := d.patch(t, v.ID, `{"destination": null}`)
	require.NoError(t, err)
	require.Nil(t, home.Destination)
	third := d.startOne(t)
	require.NoError(t, d.work(t, third))
	require.Len(t, d.keys(t, d.p.Tenant.String()+"/"), 1)
	for _, id := range []uuid.UUID{first, second, third} {
		link, err := d.Download(context.Background(), d.p, id)
		require.NoError(t, err, "what went elsewhere is still found")
		require.NotEmpty(t, fetched(t, link))
	}
	require.NoError(t, d.Delete(context.Background(), d.p, third))
}

func TestWithoutAKeyRingNoCredentialsAreTaken(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "WHARF_FIELD_KEYS=")
	in := d.intoOwnBucket(t, "@hourly")
	in.Scope, in.Tables = exporter.ScopeTables, []string{"companies"}
	_, err := d.CreateSchedule(context.Background(), d.p, in)
	require.ErrorIs(t, err, exporter.ErrNoDestinationKeys)
	require.ErrorContains(t, err, "WHARF_FIELD_KEYS")
	d.create(t, exporter.ScheduleInput{Cron: "@hourly", Request: exporter.Request{Scope: exporter.ScopeTables, Tables: []string{"companies"}}})
	require.Equal(t, 0, read[int](t, d, `SELECT count(*) FROM wharf.export_destinations`))
}

func TestBucketAtAPrivateAddressIsNotDialled(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "WHARF_EXPORT_ALLOW_PRIVATE=false")
	reached := false
	server := serveTLS(t, func() { reached = true })
	at, err := url.Parse(server)
	require.NoError(t, err)
	in := d.intoOwnBucket(t, "@hourly")
	in.Destination.Endpoint = "https://localhost:" + at.Port() // a name: it is resolved when it is dialled
	d.create(t, in)
	err = d.work(t, d.startOne(t))
	require.Equal(t, fault.Forbidden, fault.CodeOf(err), "and not tried again: %v", err)
	require.ErrorContains(t, err, "not a public one")
	require.False(t, reached)
}

func TestBucketThatRefusesIsToldToItsTenant(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for name, change := range map[string]func(in *exporter.DestinationInput){
		"another secret": func(in *exporter.DestinationInput) { in.SecretKey = strings.Repeat("x", 40) },
		"no such bucket": func(in *exporter.DestinationInput) { in.Bucket.Bucket = "absent-" + uuid.NewString()[:8] },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			own := d.as(d.db.Tenant(t, "t-"+uuid.NewString()[:8]))
			in := own.intoOwnBucket(t, "@hourly")
			change(in.Destination)
			v := own.create(t, in)
			d.exec(t, `UPDATE wharf.export_schedules SET next_run_at = now() WHERE id = $1`, v.ID)
			own.runSchedules(t)
			err := own.work(t, own.exports(t)[0].ID)
			f, coded := fault.As(err)
			require.True(t, coded, err)
			require.Equal(t, fault.Forbidden, f.Code, err)
			require.Contains(t, f.Message, "your bucket "+in.Destination.Bucket.Bucket)
			require.NotContains(t, err.Error(), in.Destination.SecretKey)
		})
	}
}

func serveTLS(t *testing.T, reached func()) string {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached() }))
	t.Cleanup(server.Close)
	return server.URL
}
