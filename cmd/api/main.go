// Command api serves Wharf's HTTP API, and holds the commands that set an installation up.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"wharf/internal/app"
	"wharf/internal/auth"
	"wharf/internal/config"
	"wharf/internal/httpapi"
)

const usage = `api serves Wharf's HTTP API.

  api                                        serve
  api migrate [--sample]                     bring the database up to date; --sample adds the sample product
  api tenant create --name NAME --slug SLUG [--id UUID]
  api key create --tenant UUID --role ROLE --name NAME [--scope SCOPE]…
  api key create --ops --name NAME           a key for operators of the installation
  api field-keys new                         make a key ring for encrypted columns (WHARF_FIELD_KEYS)
  api field-keys rotate                      give the ring in WHARF_FIELD_KEYS another primary key

migrate, tenant and key connect as the owner (WHARF_OWNER_DATABASE_URL). Settings come from the environment:

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "api:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	command := ""
	if len(args) > 0 {
		command = args[0]
	}
	switch command {
	case "-h", "--help", "help":
		if _, err := io.WriteString(stdout, usage); err != nil {
			return err
		}
		return config.Usage(stdout)
	case "field-keys":
		return fieldKeys(args[1:], environ, stdout)
	case "", "migrate", "tenant", "key":
	default:
		return fmt.Errorf("there is no command %q; api --help lists them", command)
	}
	cfg, err := config.Load(environ)
	if err != nil {
		return err
	}
	if command != "" {
		return setUp(ctx, cfg, args, stdout, app.Logger(cfg.Log, stderr))
	}
	return serve(ctx, cfg, stderr)
}

func serve(ctx context.Context, cfg config.Config, stderr io.Writer) (err error) {
	log := app.Logger(cfg.Log, stderr)
	a, err := app.Open(ctx, cfg, log, "wharf api")
	if err != nil {
		return err
	}
	defer a.Close()
	if err := a.EnqueueOnly(); err != nil {
		return err
	}
	if err := a.Catalog.Start(ctx); err != nil {
		return err
	}
	defer a.Catalog.Stop()
	proxies, err := app.Networks(cfg.HTTP.TrustProxies)
	if err != nil {
		return err
	}
	server, err := httpapi.New(httpapi.Config{
		Pool: a.Pool, Keys: auth.NewKeys(a.Pool), Audit: a.Audit, Catalog: a.Catalog, Objects: a.Objects,
		Importers: a.Importers, Exports: a.Exports, Restores: a.Restores, Jobs: a.Jobs, Webhooks: a.Webhooks, Idempotency: a.Idempotency,
		Limits: a.Limits, Rates: app.Rates(cfg.Rates), Ready: a.Migrated, Log: log, Now: time.Now,
		UploadBytes: int64(cfg.Limits.UploadBytes), BodyBytes: int64(cfg.Limits.BodyBytes), DocumentBytes: int64(cfg.Restores.DocumentBytes),
		HeaderTimeout: cfg.HTTP.HeaderTimeout, IdleTimeout: cfg.HTTP.IdleTimeout, StallTimeout: cfg.HTTP.StallTimeout,
		TrustProxies: proxies,
	})
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.HTTP.Listen)
	if err != nil {
		return fmt.Errorf("listen on WHARF_LISTEN: %w", err)
	}
	log.InfoContext(ctx, "serving", "address", listener.Addr().String(), "version", app.Version())
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	log.InfoContext(ctx, "stopping: running requests may end", "within", cfg.HTTP.DrainTimeout)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.HTTP.DrainTimeout)
	defer cancel()
	return errors.Join(server.Shutdown(drain), <-served)
}
