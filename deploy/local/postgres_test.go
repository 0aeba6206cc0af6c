package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func TestAClusterComesBackAfterACrash(t *testing.T) {
	t.Parallel()
	s := testSite(t)
	c, err := s.ensurePostgres(t.Context(), true)
	require.NoError(t, err)
	execSQL(t, c, superuser, "CREATE TABLE kept AS SELECT 1 AS n")
	require.NoError(t, c.ensureRoles(t.Context()))

	pid := s.pid(superuser)
	_, err = s.ensurePostgres(t.Context(), true)
	require.NoError(t, err)
	require.Equal(t, pid, s.pid(superuser), "alive: left alone")

	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	require.ErrorIs(t, await(t.Context(), c.program(true).patience, s.gone(superuser), never), errGone)
	// Its pid has passed to a process that lives, here this one: PostgreSQL itself would refuse to start.
	pidFile := filepath.Join(c.data(), "postmaster.pid")
	raw, err := os.ReadFile(pidFile)
	require.NoError(t, err)
	raw = []byte(strings.Replace(string(raw), strconv.Itoa(pid), strconv.Itoa(os.Getpid()), 1))
	require.NoError(t, os.WriteFile(pidFile, raw, 0o600))

	again, err := s.ensurePostgres(t.Context(), true)
	require.NoError(t, err)
	require.NotEqual(t, pid, s.pid(superuser))
	require.Equal(t, c.port, again.port)
	execSQL(t, again, superuser, "SELECT n FROM kept")
	require.NoError(t, again.ensureRoles(t.Context()))
}

func TestTheServicesRoleCannotSeePastRowSecurity(t *testing.T) {
	t.Parallel()
	s := testSite(t)
	c, err := s.ensurePostgres(t.Context(), true)
	require.NoError(t, err)
	require.NoError(t, c.ensureRoles(t.Context()))
	execSQL(t, c, superuser, "ALTER ROLE wharf_service PASSWORD 'somebody changed it'")
	require.NoError(t, c.ensureRoles(t.Context()))
	for role, owns := range map[string]bool{ownerRole: true, serviceRole: false} {
		u, err := c.url(role, database)
		require.NoError(t, err)
		conn, err := pgx.Connect(t.Context(), u)
		require.NoError(t, err)
		var super, bypass, create, owner bool
		err = conn.QueryRow(t.Context(), `
			SELECT rolsuper, rolbypassrls, rolcreaterole OR rolcreatedb, pg_get_userbyid(datdba) = current_user
			FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()`).
			Scan(&super, &bypass, &create, &owner)
		require.NoError(t, err)
		require.NoError(t, conn.Close(t.Context()))
		require.Equal(t, []bool{false, false, false, owns}, []bool{super, bypass, create, owner}, role)
	}
}

func TestAHalfMadeClusterIsThrownAway(t *testing.T) {
	t.Parallel()
	s := testSite(t)
	c := &cluster{site: s}
	var err error
	c.account, err = s.serverAccount()
	require.NoError(t, err)
	c.home, err = s.ensureHome(c.account)
	require.NoError(t, err)
	half := filepath.Join(c.home, "data.new-1")
	require.NoError(t, os.MkdirAll(filepath.Join(half, "base"), 0o700))
	fresh, err := c.freshData()
	require.NoError(t, err)
	require.NoDirExists(t, half)
	require.DirExists(t, fresh)
}

func TestADirectoryOfSomebodyElseIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	link := filepath.Join(dir, "home")
	require.NoError(t, os.Symlink(t.TempDir(), link))
	require.ErrorContains(t, makeHome(link, nil), "is not ours")
}

func TestMemoryIsShared(t *testing.T) {
	t.Parallel()
	require.Positive(t, memory())
	require.GreaterOrEqual(t, sharedBuffers(), int64(leastBuffers))
	require.LessOrEqual(t, sharedBuffers(), int64(mostBuffers))
}

func execSQL(t *testing.T, c *cluster, database, sql string) {
	t.Helper()
	require.NoError(t, c.with(t.Context(), database, func(conn *pgx.Conn) error {
		_, err := conn.Exec(t.Context(), sql)
		return err
	}))
}
