package e2e

import (
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"wharf/internal/testenv"
)

// lastTable is a table that is exported after the contacts, since it refers to them, and whose only row cannot be read while
// somebody holds a lock: an export stands still there in the middle of its upload. A lock on the table would stop it earlier.
const lastTable = `
	CREATE TABLE public.lasts (tenant_id uuid NOT NULL, contact_id uuid REFERENCES contacts (id));
	CREATE FUNCTION public.may_read_last() RETURNS boolean LANGUAGE plpgsql AS
		$$ BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN true; END $$;
	CREATE POLICY held ON public.lasts USING (public.may_read_last());
	ALTER TABLE public.lasts ENABLE ROW LEVEL SECURITY;
	GRANT SELECT ON public.lasts TO wharf_service`

const holdLast = `SELECT pg_advisory_xact_lock(4711)`

// uploading starts an export of so many contacts, and stops it when parts of its object are in the store.
func (s *stack) uploading(t *testing.T, rows int) (e status, w *process, letGo func()) {
	t.Helper()
	s.seedContacts(t, rows)
	_, err := s.Admin.Exec(t.Context(), lastTable)
	require.NoError(t, err)
	_, err = s.Admin.Exec(t.Context(), `INSERT INTO lasts VALUES ($1)`, s.Tenant)
	require.NoError(t, err)
	letGo = s.hold(t, holdLast)
	e = s.export(t)
	w = s.worker(t)
	s.standsStill(t)
	s.await(t, "the upload to be under way", func() bool { return s.uploadedParts(t) > 0 })
	return e, w, letGo
}

// uploadedParts counts the parts of the tenant's multipart uploads that have not ended.
func (s *stack) uploadedParts(t *testing.T) (parts int) {
	t.Helper()
	env := testenv.Objects(t)
	transport := &http.Transport{DisableKeepAlives: true}
	client := s3.New(s3.Options{
		BaseEndpoint: &env.Endpoint, Region: "us-east-1", UsePathStyle: true, HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider(env.AccessKey, env.SecretKey, ""),
	})
	prefix := s.Tenant.String() + "/"
	begun, err := client.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &env.Bucket, Prefix: &prefix})
	require.NoError(t, err)
	for _, u := range begun.Uploads {
		found, err := client.ListParts(t.Context(), &s3.ListPartsInput{Bucket: &env.Bucket, Key: u.Key, UploadId: u.UploadId})
		require.NoError(t, err)
		parts += len(found.Parts)
	}
	return parts
}

// TestExportKilledInTheMiddleOfItsUploadIsWholeInTheEnd kills the worker when parts of the object are in the store.
func TestExportKilledInTheMiddleOfItsUploadIsWholeInTheEnd(t *testing.T) {
	t.Parallel()
	const rows = 80_000
	s := newStack(t)
	e, w, letGo := s.uploading(t, rows)
	w.kill()
	letGo()
	s.worker(t)
	s.completed(t, "exports", e.ID)
	s.wholeExport(t, e.ID, rows)
}

func TestCancelledExportEndsItsStatementsAndItsUpload(t *testing.T) {
	t.Parallel()
	const rows = 80_000
	s := newStack(t)
	e, _, letGo := s.uploading(t, rows)
	path := "/api/v1/exports/" + e.ID.String()
	s.post(t, path+"/cancel", nil, http.StatusAccepted, nil)
	require.Equal(t, "cancelled", s.ended(t, "exports", e.ID).Status)
	s.await(t, "the statements to end, though what they wait for is still held", func() bool {
		return s.count(t, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
			AND application_name = 'wharf worker' AND (wait_event_type = 'Lock' OR state LIKE 'idle in transaction%')`) == 0
	})
	s.await(t, "the upload to be given up", func() bool { return s.uploadedParts(t) == 0 })
	letGo()
	s.post(t, path+"/retry", nil, http.StatusAccepted, nil)
	s.completed(t, "exports", e.ID)
	s.wholeExport(t, e.ID, rows)
}
