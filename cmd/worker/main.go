// Command worker runs Wharf's jobs: imports, exports and what keeps the house clean.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"wharf/internal/app"
	"wharf/internal/config"
)

const usage = `worker runs Wharf's jobs. Settings come from the environment:

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	if len(args) > 0 {
		if args[0] != "-h" && args[0] != "--help" && args[0] != "help" {
			return fmt.Errorf("there is no command %q", args[0])
		}
		if _, err := io.WriteString(stdout, usage); err != nil {
			return err
		}
		return config.Usage(stdout)
	}
	cfg, err := config.Load(environ)
	if err != nil {
		return err
	}
	return work(ctx, cfg, stderr)
}

func work(ctx context.Context, cfg config.Config, stderr io.Writer) error {
	debug.SetGCPercent(cfg.Jobs.GCPercent) // most of the heap are a few large buffers, which cost nothing to look through
	log := app.Logger(cfg.Log, stderr)
	a, err := app.Open(ctx, cfg, log, "wharf worker")
	if err != nil {
		return err
	}
	defer a.Close()
	if err := a.Migrated(ctx); err != nil {
		return err
	}
	if err := a.WorkJobs(ctx); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.HTTP.WorkerListen)
	if err != nil {
		return fmt.Errorf("listen on WHARF_WORKER_LISTEN: %w", err)
	}
	health := &http.Server{Handler: healthOf(a), ReadHeaderTimeout: cfg.HTTP.HeaderTimeout, IdleTimeout: cfg.HTTP.IdleTimeout}
	served := make(chan error, 1)
	go func() { served <- health.Serve(listener) }()
	if err := a.Jobs.Start(ctx); err != nil {
		return errors.Join(err, health.Close())
	}
	log.InfoContext(ctx, "working", "health", listener.Addr().String(), "version", app.Version())
	select {
	case err = <-served: // without health nobody could tell whether it lives
	case <-ctx.Done():
		err = nil
	}
	log.InfoContext(ctx, "stopping: running jobs may end", "within", cfg.HTTP.DrainTimeout)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.HTTP.DrainTimeout+15*time.Second)
	defer cancel()
	return errors.Join(err, a.Jobs.Stop(drain), health.Close())
}

// healthOf answers /livez, and /readyz by asking database and store.
func healthOf(a *app.App) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { answer(w, nil) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		answer(w, errors.Join(a.Pool.Ping(r.Context()), a.Objects.Ping(r.Context())))
	})
	return mux
}

func answer(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"status":"failing"}`+"\n") // the prober is gone: nobody to tell
		return
	}
	_, _ = io.WriteString(w, `{"status":"ok"}`+"\n") // as above
}
