package testenv

import "testing"

// S3 is how to reach the S3 server of the tests: path style, an existing bucket that all tests share. Keep to a tenant's
// prefix of your own, and leave nothing there.
type S3 struct {
	Endpoint  string // URL
	Bucket    string
	AccessKey string
	SecretKey string
}

// Objects gives the S3 server that `make test` started.
func Objects(t testing.TB) S3 {
	t.Helper()
	return S3{
		Endpoint:  Setting(t, "WHARF_TEST_S3_ENDPOINT"),
		Bucket:    Setting(t, "WHARF_TEST_S3_BUCKET"),
		AccessKey: Setting(t, "WHARF_TEST_S3_ACCESS_KEY"),
		SecretKey: Setting(t, "WHARF_TEST_S3_SECRET_KEY"),
	}
}
