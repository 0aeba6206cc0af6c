package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAShellThatReadTheEnvironmentFileChangesNothing protects the processes: each difference in what they are told
// restarts them.
func TestAShellThatReadTheEnvironmentFileChangesNothing(t *testing.T) {
	t.Parallel()
	s := testSite(t)
	s.env = map[string]string{
		"PATH": "/bin", "HOME": "/home/u", "TERM": "xterm", "EDITOR": "vi", "WHARF_LOG_LEVEL": "debug",
		"SENTRY_DSN": "https://x", "WHARF_PG_PORT": "1", "WHARF_TEST_DATABASE_URL": "postgres://test",
	}
	a := &app{site: s, services: &services{s3: &gateway{endpoint: "http://s3"}}, settings: variables{{"DATABASE_URL", "mine"}}}
	want := []string{"HOME=/home/u", "PATH=/bin", "SENTRY_DSN=https://x", "WHARF_LOG_LEVEL=debug"}
	require.Equal(t, want, a.inherited())
	for _, v := range a.environment(7) {
		s.env[v.name] = "from the file"
	}
	require.Equal(t, want, a.inherited())
}

// TestTheEnvironmentFileHoldsTheNamesThatOthersRelyOn fails when one is renamed.
func TestTheEnvironmentFileHoldsTheNamesThatOthersRelyOn(t *testing.T) {
	t.Parallel()
	a := &app{site: testSite(t), services: &services{s3: &gateway{}}}
	names := map[string]bool{}
	for _, v := range a.environment(1) {
		names[v.name] = true
	}
	for _, name := range []string{
		"WHARF_URL", "DATABASE_URL", "WHARF_ADMIN_DATABASE_URL", "WHARF_OWNER_KEY", "WHARF_MANAGER_KEY", "WHARF_MEMBER_KEY",
		"WHARF_READONLY_KEY", "WHARF_OTHER_KEY", "WHARF_OPS_KEY", "WHARF_S3_ENDPOINT", "WHARF_TENANT_ID",
		"WHARF_OTHER_TENANT_ID", "WHARF_WORKER_PID",
	} {
		require.True(t, names[name], name)
	}
}
