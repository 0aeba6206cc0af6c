package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// The sample tenants: one with rows, one that stays empty, to look over the wall from.
const (
	sampleSlug = "sample"
	otherSlug  = "other"
)

// ensureTenants makes the sample tenants with their API keys, and fills the first, once. Each step is remembered as
// soon as it is done; a key whose making was cut short stays behind unused.
func (a *app) ensureTenants(ctx context.Context) error {
	for _, want := range []struct {
		slug, name string
		roles      []string
	}{
		{sampleSlug, "Sample Jewellers", []string{"owner", "manager", "member", "readonly"}},
		{otherSlug, "Other Company", []string{"owner"}},
	} {
		t, err := a.ensureTenant(ctx, want.slug, want.name)
		if err != nil {
			return err
		}
		if err := a.ensureKeys(ctx, t, want.roles...); err != nil {
			return err
		}
	}
	var err error
	if a.state.OpsKey, err = a.ensureKey(ctx, a.state.OpsKey, "--ops", "--name", "sample ops"); err != nil {
		return err
	}
	if err := a.state.save(); err != nil {
		return err
	}
	_, err = a.fill(ctx, a.state.Tenants[sampleSlug].ID, sampleContacts)
	return err
}

// ensureTenant makes the tenant under an id that is written down first, so that it is made once.
func (a *app) ensureTenant(ctx context.Context, slug, name string) (*tenant, error) {
	t := a.state.Tenants[slug]
	if t == nil {
		t = &tenant{ID: uuid.New(), Keys: map[string]string{}}
		a.state.Tenants[slug] = t
	}
	there, err := a.tenantExists(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	if there {
		return t, nil
	}
	clear(t.Keys) // those of an earlier database open nothing in this one
	if slug == sampleSlug {
		a.state.OpsKey = ""
	}
	if err := a.state.save(); err != nil {
		return nil, err
	}
	if _, err := a.api(ctx, "tenant", "create", "--name", name, "--slug", slug, "--id", t.ID.String()); err != nil {
		return nil, err
	}
	a.say("made the tenant %s", slug)
	return t, nil
}

func (a *app) tenantExists(ctx context.Context, id uuid.UUID) (there bool, err error) {
	err = a.services.postgres.with(ctx, database, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM wharf.tenants WHERE id = $1)`, id).Scan(&there)
	})
	if err != nil {
		return false, fmt.Errorf("look for the tenant: %w", err)
	}
	return there, nil
}

func (a *app) ensureKeys(ctx context.Context, t *tenant, roles ...string) error {
	for _, role := range roles {
		args := []string{"--tenant", t.ID.String(), "--role", role, "--name", "sample " + role}
		var err error
		if t.Keys[role], err = a.ensureKey(ctx, t.Keys[role], args...); err != nil {
			return err
		}
		if err := a.state.save(); err != nil {
			return err
		}
	}
	return nil
}

// ensureKey makes an API key unless there is one.
func (a *app) ensureKey(ctx context.Context, have string, args ...string) (string, error) {
	if have != "" {
		return have, nil
	}
	var made struct{ ID, Key string }
	if err := a.ask(ctx, &made, append([]string{"key", "create"}, args...)...); err != nil {
		return "", err
	}
	if made.Key == "" {
		return "", errors.New("api key create: the answer holds no key")
	}
	return made.Key, nil
}

// writeEnv writes DIR/env, which says how to reach everything.
func (a *app) writeEnv() error {
	vars := a.environment(a.pid(workerName))
	if err := replaceFile(a.path("env"), vars.shell()); err != nil {
		return err
	}
	a.say("\nWharf runs at %s\nits keys and addresses are in %s", vars[0].value, a.path("env"))
	return nil
}

// environment is the content of DIR/env. Its names are relied on: add, but do not rename.
func (a *app) environment(workerPID int) variables {
	sample, other := a.known(sampleSlug), a.known(otherSlug)
	return append(variables{
		{"WHARF_URL", "http://" + local(a.state.Ports[apiName])},
		{"DATABASE_URL", a.service},
		{"WHARF_ADMIN_DATABASE_URL", a.admin},
		{"WHARF_OWNER_DATABASE_URL", a.owner},
		{"WHARF_OWNER_KEY", sample.Keys["owner"]},
		{"WHARF_MANAGER_KEY", sample.Keys["manager"]},
		{"WHARF_MEMBER_KEY", sample.Keys["member"]},
		{"WHARF_READONLY_KEY", sample.Keys["readonly"]},
		{"WHARF_OTHER_KEY", other.Keys["owner"]},
		{"WHARF_OPS_KEY", a.state.OpsKey},
		{"WHARF_TENANT_ID", sample.ID.String()},
		{"WHARF_OTHER_TENANT_ID", other.ID.String()},
		{"WHARF_WORKER_URL", "http://" + local(a.state.Ports[workerName])},
		{"WHARF_WORKER_PID", strconv.Itoa(workerPID)},
		{"WHARF_FIELD_KEYS", a.fieldKeys},
	}, a.s3Settings()...)
}

// known gives what the state knows of a tenant; before the first is made, nothing.
func (a *app) known(slug string) tenant {
	if t := a.state.Tenants[slug]; t != nil {
		return *t
	}
	return tenant{}
}
