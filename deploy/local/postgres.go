package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const superuser = "postgres"

// cluster is the site's PostgreSQL.
type cluster struct {
	*site
	home     string // holds data, socket
	account  *syscall.Credential
	programs programs
	port     int
}

// ensurePostgres finds or installs PostgreSQL, makes the cluster if there is none, and sees to it that it runs.
func (s *site) ensurePostgres(ctx context.Context, test bool) (*cluster, error) {
	c := &cluster{site: s}
	var err error
	if c.account, err = s.serverAccount(); err != nil {
		return nil, err
	}
	if c.home, err = s.ensureHome(c.account); err != nil {
		return nil, err
	}
	if c.programs, err = s.ensurePrograms(ctx, c); err != nil {
		return nil, err
	}
	if err := c.ensureData(ctx, test); err != nil {
		return nil, err
	}
	alive, err := s.alive(superuser)
	if err != nil {
		return nil, err
	}
	if c.port, err = s.state.port("postgres", s.env["WHARF_PG_PORT"], alive); err != nil {
		return nil, err
	}
	if !alive {
		if err := c.clearRemains(); err != nil {
			return nil, err
		}
	}
	return c, s.ensure(ctx, c.program(test))
}

func (c *cluster) data() string { return filepath.Join(c.home, "data") }

// ensureData makes the cluster's files beside their place and renames them: there is a whole cluster or none.
func (c *cluster) ensureData(ctx context.Context, test bool) error {
	made, err := c.hasData(ctx)
	if err != nil || made {
		return err
	}
	c.say("making a database cluster in %s", c.home)
	password, err := c.state.secret(superuser)
	if err != nil {
		return err
	}
	fresh, err := c.freshData()
	if err != nil {
		return err
	}
	passwordFile := filepath.Join(c.home, "password")
	if err := replaceFile(passwordFile, []byte(password+"\n")); err != nil {
		return err
	}
	defer func() { _ = os.Remove(passwordFile) }() // its content is in the state
	if err := c.own(passwordFile); err != nil {
		return err
	}
	args := []string{
		"-D", fresh, "-U", superuser, "--pwfile=" + passwordFile, "--auth=scram-sha-256", "--encoding=UTF8",
		// Keys compare bytewise, which is a fifth faster; letters have their case by Unicode all the same.
		"--lc-collate=C", "--lc-ctype=" + unicodeLocale(),
	}
	if test {
		args = append(args, "--no-sync")
	}
	if _, err := c.tool(ctx, command{path: c.programs.initdb, args: args, dir: c.home, as: c.account}); err != nil {
		return fmt.Errorf("make a database cluster: %w", err)
	}
	if err := os.Rename(fresh, c.data()); err != nil {
		return fmt.Errorf("make a database cluster: %w", err)
	}
	return nil
}

// freshData gives a new directory for a cluster in the making, and removes those of runs that were cut short. It has a
// name of its own, since the initdb of such a run may still be writing.
func (c *cluster) freshData() (string, error) {
	pattern := c.data() + ".new-"
	left, err := filepath.Glob(pattern + "*")
	if err != nil {
		return "", fmt.Errorf("look for half-made clusters: %w", err)
	}
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return "", fmt.Errorf("remove a half-made cluster: %w", err)
		}
	}
	dir, err := os.MkdirTemp(c.home, filepath.Base(pattern))
	if err != nil {
		return "", fmt.Errorf("make directory: %w", err)
	}
	return dir, c.own(dir)
}

// hasData reports a cluster whose password is known. One whose password is not belongs to a site that was deleted by
// hand while its cluster lay elsewhere; nobody can read it any more.
func (c *cluster) hasData(ctx context.Context) (bool, error) {
	if _, err := os.Stat(filepath.Join(c.data(), "PG_VERSION")); err != nil {
		return false, nil //nolint:nilerr // absent, or unreadable, which initdb will explain
	}
	if _, known := c.state.Secrets[superuser]; known {
		return true, nil
	}
	c.say("the cluster in %s has lost its password: making a new one", c.home)
	if err := c.end(ctx, c.program(false)); err != nil {
		return false, err
	}
	if err := c.clearRemains(); err != nil {
		return false, err
	}
	if err := os.RemoveAll(c.data()); err != nil {
		return false, fmt.Errorf("remove %s: %w", c.data(), err)
	}
	return false, nil
}

func unicodeLocale() string {
	if runtime.GOOS == "darwin" { // which has no C.UTF-8
		return "en_US.UTF-8"
	}
	return "C.UTF-8"
}

// clearRemains removes what a server that did not end in order leaves. Nothing of ours is alive, as the lock says; but
// the pid in postmaster.pid may by now be somebody else's, which PostgreSQL would take for a running server.
func (c *cluster) clearRemains() error {
	pidFile := filepath.Join(c.data(), "postmaster.pid")
	raw, err := os.ReadFile(pidFile)
	if err == nil {
		first, _, _ := bytes.Cut(raw, []byte("\n"))
		pid, err := strconv.Atoi(string(bytes.TrimSpace(first)))
		if err == nil && runsOn(pid, c.data()) {
			return fmt.Errorf("process %d serves %s already and was not started by this command; end it first", pid, c.data())
		}
		if err := os.Remove(pidFile); err != nil {
			return fmt.Errorf("remove a stale pid file: %w", err)
		}
	}
	sockets, err := filepath.Glob(filepath.Join(c.socketDir(), ".s.PGSQL.*"))
	if err != nil {
		return fmt.Errorf("look for sockets: %w", err)
	}
	for _, f := range sockets {
		if err := os.Remove(f); err != nil {
			return fmt.Errorf("remove a stale socket: %w", err)
		}
	}
	return nil
}

func (c *cluster) socketDir() string { return filepath.Join(c.home, "socket") }

const longestSocket = 100 // bytes; 104 on macOS, 108 on Linux

func (c *cluster) program(test bool) program {
	return program{
		name:     superuser,
		path:     c.programs.server,
		args:     c.serverArgs(test),
		env:      []string{"PATH=" + c.env["PATH"], "LC_MESSAGES=C"},
		dir:      c.home,
		as:       c.account,
		stop:     []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT}, // fast, immediate
		patience: time.Minute,
		startup:  10 * time.Minute, // after a crash it replays up to max_wal_size
		ready:    c.answers,
	}
}

func (c *cluster) serverArgs(test bool) []string {
	sockets := c.socketDir()
	if len(filepath.Join(sockets, ".s.PGSQL.65535.lock")) > longestSocket {
		sockets = ""
	}
	settings := []string{
		"listen_addresses=127.0.0.1",
		"port=" + strconv.Itoa(c.port),
		"unix_socket_directories=" + sockets,
		"max_connections=300",
		"shared_buffers=" + strconv.FormatInt(sharedBuffers()>>20, 10) + "MB",
		"max_wal_size=8GB",
		"timezone=UTC",
		"log_timezone=UTC",
	}
	if scarceSharedMemory() {
		settings = append(settings, "dynamic_shared_memory_type=mmap")
	}
	if test {
		settings = append(settings, "fsync=off", "synchronous_commit=off", "full_page_writes=off")
	}
	args := []string{"-D", c.data()}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	return args
}

func (c *cluster) answers(ctx context.Context) error {
	return c.with(ctx, superuser, func(conn *pgx.Conn) error { return conn.Ping(ctx) })
}

// with calls fn on a superuser's connection to the database.
func (c *cluster) with(ctx context.Context, database string, fn func(*pgx.Conn) error) error {
	u, err := c.url(superuser, database)
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, u)
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	return errors.Join(fn(conn), conn.Close(context.WithoutCancel(ctx)))
}

// url is how the role reaches the database.
func (c *cluster) url(role, database string) (string, error) {
	password, err := c.state.secret(role)
	if err != nil {
		return "", err
	}
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(role, password), Host: local(c.port), Path: "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String(), nil
}

const (
	ownerRole   = "wharf_owner"
	serviceRole = "wharf_service"
	database    = "wharf"
)

// ensureRoles makes the owner of the database and the role that the service connects as, and the database. Neither
// role may see past row security. It sets the passwords again, in case something else did.
func (c *cluster) ensureRoles(ctx context.Context) error {
	return c.with(ctx, superuser, func(conn *pgx.Conn) error {
		for _, role := range []string{ownerRole, serviceRole} {
			if err := c.ensureRole(ctx, conn, role); err != nil {
				return err
			}
		}
		var there bool
		err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, database).Scan(&there)
		if err == nil && !there {
			_, err = conn.Exec(ctx, "CREATE DATABASE "+database+" OWNER "+ownerRole)
		}
		if err != nil {
			return fmt.Errorf("create the database: %w", err)
		}
		return nil
	})
}

func (c *cluster) ensureRole(ctx context.Context, conn *pgx.Conn, role string) error {
	password, err := c.state.secret(role)
	if err != nil {
		return err
	}
	var there bool
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)`, role).Scan(&there)
	if err == nil && !there {
		_, err = conn.Exec(ctx, "CREATE ROLE "+role)
	}
	if err == nil {
		_, err = conn.Exec(ctx, "ALTER ROLE "+role+
			" LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD '"+strings.ReplaceAll(password, "'", "''")+"'")
	}
	if err != nil {
		return fmt.Errorf("create role %s: %w", role, err)
	}
	return nil
}
