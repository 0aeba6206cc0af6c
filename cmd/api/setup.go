package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/auth"
	"wharf/internal/config"
	"wharf/internal/pg"
	"wharf/internal/tenancy"
	samplemigrations "wharf/migrations/sample"
	wharfmigrations "wharf/migrations/wharf"
)

// setUp runs one of the commands that connect as the owner.
func setUp(ctx context.Context, cfg config.Config, args []string, stdout io.Writer, log *slog.Logger) error {
	if cfg.Database.OwnerURL == "" {
		return errors.New("WHARF_OWNER_DATABASE_URL is required: this command connects as the owner")
	}
	if args[0] == "migrate" {
		return migrate(ctx, cfg, args[1:], log)
	}
	if len(args) < 2 || args[1] != "create" {
		return fmt.Errorf("api %s has one command: create", args[0])
	}
	pool, err := pg.Open(ctx, pg.Config{URL: cfg.Database.OwnerURL.Reveal(), Application: "wharf setup", MaxConns: 2})
	if err != nil {
		return err
	}
	defer pool.Close()
	return pg.Tx(ctx, pool, func(ctx context.Context, tx pgx.Tx) error {
		if args[0] == "tenant" {
			return createTenant(ctx, tx, args[2:], stdout)
		}
		return createKey(ctx, tx, args[2:], stdout)
	})
}

func migrate(ctx context.Context, cfg config.Config, args []string, log *slog.Logger) error {
	flags := flag.NewFlagSet("api migrate", flag.ContinueOnError)
	sample := flags.Bool("sample", false, "add the sample product's tables")
	if err := flags.Parse(args); err != nil {
		return err
	}
	role := config.User(cfg.Database.URL)
	if role == "" {
		return errors.New("DATABASE_URL must name the service's role: postgres://role:password@host/database")
	}
	sets := []pg.MigrationSet{{FS: wharfmigrations.FS, Table: "wharf.schema_migrations"}}
	if *sample {
		sets = append(sets, pg.MigrationSet{FS: samplemigrations.FS, Table: "wharf.sample_migrations"})
	}
	return pg.Migrate(ctx, pg.MigrateConfig{OwnerURL: cfg.Database.OwnerURL.Reveal(), ServiceRole: role, Sets: sets, Log: log})
}

const insertTenant = `INSERT INTO wharf.tenants (id, slug, name) VALUES ($1, $2, $3)`

func createTenant(ctx context.Context, tx pgx.Tx, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("api tenant create", flag.ContinueOnError)
	name := flags.String("name", "", "name for people")
	slug := flags.String("slug", "", "name for files and URLs: lower-case letters, digits and hyphens")
	id := uuid.New()
	flags.TextVar(&id, "id", id, "id, if the product has one already")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *name == "" || *slug == "" {
		return errors.New("--name and --slug are required")
	}
	if _, err := tx.Exec(ctx, insertTenant, id, *slug, *name); err != nil {
		return fmt.Errorf("create tenant: %w", err)
	}
	return json.NewEncoder(stdout).Encode(map[string]any{"id": id, "slug": *slug})
}

func createKey(ctx context.Context, tx pgx.Tx, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("api key create", flag.ContinueOnError)
	var spec auth.KeySpec
	flags.TextVar(&spec.Tenant, "tenant", uuid.Nil, "tenant the key is for")
	role := flags.String("role", "", "owner, admin, manager, member or readonly")
	ops := flags.Bool("ops", false, "a key for operators, without a tenant")
	flags.StringVar(&spec.Name, "name", "", "what the key is for")
	flags.Func("scope", "one permission; repeat for more; none: all of the role's", func(s string) error {
		if !slices.Contains(tenancy.Permissions(), tenancy.Permission(s)) {
			return fmt.Errorf("there is no scope %q; there are %v", s, tenancy.Permissions())
		}
		spec.Scopes = append(spec.Scopes, tenancy.Permission(s))
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	spec.Role = tenancy.Role(*role)
	switch {
	case spec.Name == "":
		return errors.New("--name is required")
	case *ops && (spec.Tenant != uuid.Nil || *role != "" || spec.Scopes != nil):
		return errors.New("an operator's key has no tenant, role or scope")
	case !*ops && (spec.Tenant == uuid.Nil || !slices.Contains(tenancy.Roles(), spec.Role)):
		return fmt.Errorf("--tenant and --role are required; roles are %v", tenancy.Roles())
	}
	id, key, err := auth.CreateKey(ctx, tx, spec)
	if err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(map[string]any{"id": id, "key": key})
}
