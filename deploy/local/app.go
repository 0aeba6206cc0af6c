package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	apiName    = "api"
	workerName = "worker"
	drain      = time.Minute // the binaries give requests and jobs 30 s to end, and need some to go
)

// app is Wharf itself on the site's services.
type app struct {
	*site
	services *services
	settings variables // what both binaries are told

	service, owner, admin string // URLs of the database, by role
	fieldKeys             string
}

// up starts everything, and writes the environment file.
func (h host) up(ctx context.Context, root, dir string) (err error) {
	s, err := h.open(ctx, root, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	a, err := s.prepare(ctx)
	if err != nil {
		return err
	}
	if err := a.ensureTenants(ctx); err != nil {
		return err
	}
	for _, p := range []program{a.program(apiName, "WHARF_LISTEN"), a.program(workerName, "WHARF_WORKER_LISTEN")} {
		if err := s.ensure(ctx, p); err != nil {
			return err
		}
	}
	return a.writeEnv()
}

// prepare gives a Wharf that has all it needs to start: services, binaries, settings, and a database that is up to date.
func (s *site) prepare(ctx context.Context) (*app, error) {
	a := &app{site: s}
	var err error
	if a.services, err = s.ensureServices(ctx, false); err != nil {
		return nil, err
	}
	s.say("building api and worker")
	if err := s.build(ctx, s.root, map[string]string{apiName: "./cmd/api", workerName: "./cmd/worker"}); err != nil {
		return nil, err
	}
	if err := a.configure(); err != nil {
		return nil, err
	}
	_, err = a.api(ctx, "migrate", "--sample")
	return a, err
}

// down stops everything: the tests' services too, since nothing that this command started should outlive it.
func (h host) down(ctx context.Context, root, dir string, clean bool) (err error) {
	_, absent := os.Stat(dir)
	s, err := h.open(ctx, root, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := h.servicesDown(ctx, root, testDir(root), clean); err != nil {
		return err
	}
	if err := os.Remove(s.path("env")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the environment file: %w", err)
	}
	return s.down(ctx, clean || absent != nil)
}

// configure chooses ports and puts together what the binaries are told.
func (a *app) configure() error {
	ports := map[string]int{}
	for name, asked := range map[string]string{apiName: a.env["WHARF_PORT"], workerName: a.env["WHARF_WORKER_PORT"]} {
		alive, err := a.alive(name)
		if err != nil {
			return err
		}
		if ports[name], err = a.state.port(name, asked, alive); err != nil {
			return err
		}
	}
	for role, u := range map[string]*string{serviceRole: &a.service, ownerRole: &a.owner, superuser: &a.admin} {
		var err error
		if *u, err = a.services.postgres.url(role, database); err != nil {
			return err
		}
	}
	var err error
	if a.fieldKeys, err = a.state.fieldKeys(); err != nil {
		return err
	}
	a.settings = append(variables{
		{"DATABASE_URL", a.service},
		{"WHARF_FIELD_KEYS", a.fieldKeys},
		{"WHARF_WEBHOOK_ALLOW_PRIVATE", strconv.FormatBool(true)}, // receivers run on this machine too
		{"WHARF_EXPORT_ALLOW_PRIVATE", strconv.FormatBool(true)},  // and so does the store
		{"WHARF_LISTEN", local(ports[apiName])},
		{"WHARF_WORKER_LISTEN", local(ports[workerName])},
	}, a.s3Settings()...)
	return nil
}

func (a *app) s3Settings() variables {
	g := a.services.s3
	return variables{
		{"WHARF_S3_ENDPOINT", g.endpoint},
		{"WHARF_S3_REGION", region},
		{"WHARF_S3_BUCKET", bucket},
		{"WHARF_S3_ACCESS_KEY", g.accessKey},
		{"WHARF_S3_SECRET_KEY", g.secretKey},
		{"WHARF_S3_PATH_STYLE", strconv.FormatBool(true)},
	}
}

// program is one of the binaries as a service; listen names the setting that says where.
func (a *app) program(name, listen string) program {
	address := ""
	for _, v := range a.settings {
		if v.name == listen {
			address = v.value
		}
	}
	return program{
		name:     name,
		path:     a.bin(name),
		env:      append(a.inherited(), a.settings.pairs()...),
		stop:     []syscall.Signal{syscall.SIGTERM},
		patience: drain,
		startup:  time.Minute,
		ready:    answersOK("http://" + address + "/readyz"),
	}
}

// inherited is the part of this process's environment that the binaries get: what they run with, and what they read
// themselves, but for the names that are set here. The environment file may have been read into the shell: what it
// holds must not make a second run look like a change.
func (a *app) inherited() []string {
	set := map[string]bool{"WHARF_PORT": true, "WHARF_WORKER_PORT": true, "WHARF_PG_PORT": true, "WHARF_S3_PORT": true}
	for _, v := range append(slices.Clone(a.settings), a.environment(0)...) {
		set[v.name] = true
	}
	var out []string
	for name, value := range a.env {
		if !set[name] && passed(name) {
			out = append(out, name+"="+value)
		}
	}
	slices.Sort(out)
	return out
}

func passed(name string) bool {
	for _, prefix := range []string{"WHARF_", "SENTRY_", "OTEL_", "SSL_CERT_"} {
		if strings.HasPrefix(name, prefix) && !strings.HasPrefix(name, "WHARF_TEST_") {
			return true
		}
	}
	return slices.Contains([]string{"PATH", "HOME", "TMPDIR", "TZ", "GOMAXPROCS", "GOMEMLIMIT", "GOGC"}, name)
}

// api runs a command of the api binary that needs the owner's role.
func (a *app) api(ctx context.Context, args ...string) ([]byte, error) {
	out, err := a.tool(ctx, command{
		path: a.bin(apiName),
		args: args,
		env:  append(append(a.inherited(), a.settings.pairs()...), "WHARF_OWNER_DATABASE_URL="+a.owner),
		dir:  a.dir,
	})
	if err != nil {
		return nil, fmt.Errorf("api %s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}

// ask is api for a command that answers in JSON.
func (a *app) ask(ctx context.Context, answer any, args ...string) error {
	out, err := a.api(ctx, args...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(out, answer); err != nil {
		return fmt.Errorf("api %s: its answer is not as expected: %w", strings.Join(args, " "), err)
	}
	return nil
}
