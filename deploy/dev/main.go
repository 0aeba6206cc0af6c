// Command dev serves S3 from a directory of this machine: the object storage of development and of the tests.
//
// It is a module of its own, so that the gateway's many dependencies stay out of the product's. The gateway changes
// the process's working directory and keeps state in globals, which is why it runs as a child process and never as a
// library inside another. It listens on the given address alone, which should be one of 127.0.0.1.
//
// Readiness: GET /healthz answers 200. SIGTERM or SIGINT ends it; with --follow-stdin so does the end of standard
// input, that is the death of a parent that holds the other end.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
)

// The key pair comes by the environment: arguments are readable by every user of the machine.
const (
	accessKeyVariable = "WHARF_S3_ACCESS_KEY"
	secretKeyVariable = "WHARF_S3_SECRET_KEY"
)

type options struct {
	addr, dir, region    string
	accessKey, secretKey string
	followStdin          bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdin); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "s3:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, env func(string) string, stdin io.Reader) error {
	opts, err := parse(args, env)
	if err != nil {
		return err
	}
	if opts.followStdin {
		ctx = untilEnd(ctx, stdin)
	}
	return serve(ctx, opts)
}

func parse(args []string, env func(string) string) (options, error) {
	o := options{accessKey: env(accessKeyVariable), secretKey: env(secretKeyVariable)}
	flags := flag.NewFlagSet("s3", flag.ContinueOnError)
	flags.StringVar(&o.addr, "addr", "127.0.0.1:7070", "address to listen on")
	flags.StringVar(&o.dir, "dir", "", "directory that holds objects and their metadata (required)")
	flags.StringVar(&o.region, "region", "us-east-1", "region the server says it is in")
	flags.BoolVar(&o.followStdin, "follow-stdin", false, "stop when standard input ends")
	if err := flags.Parse(args); err != nil {
		return options{}, fmt.Errorf("read arguments: %w", err)
	}
	switch {
	case o.dir == "":
		return options{}, errors.New("--dir is required")
	case o.accessKey == "" || o.secretKey == "":
		return options{}, fmt.Errorf("%s and %s must be set", accessKeyVariable, secretKeyVariable)
	}
	return o, nil
}

// untilEnd gives a context that ends with ctx or when r does, whichever is first.
func untilEnd(ctx context.Context, r io.Reader) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, r) // a broken pipe is an end too
	}()
	return ctx
}

// serve runs the gateway until ctx ends. Objects lie in dir/data, their metadata in dir/meta: file systems without
// extended attributes (tmpfs, some container layers) serve as well.
func serve(ctx context.Context, o options) error {
	data, side := filepath.Join(o.dir, "data"), filepath.Join(o.dir, "meta")
	for _, d := range []string{data, side} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return fmt.Errorf("make directory: %w", err)
		}
	}
	side, err := filepath.Abs(side)
	if err != nil {
		return fmt.Errorf("resolve directory: %w", err)
	}
	storer, err := meta.NewSideCar(side)
	if err != nil {
		return fmt.Errorf("open metadata: %w", err)
	}
	backend, err := posix.New(data, storer, posix.PosixOpts{SideCarDir: side})
	if err != nil {
		return fmt.Errorf("open data: %w", err)
	}
	cfg := embedgw.Config{
		RootUserAccess:    o.accessKey,
		RootUserSecret:    o.secretKey,
		Region:            o.region,
		Ports:             []string{o.addr},
		MaxConnections:    4096,
		MaxRequests:       1024,
		MultipartMaxParts: 10_000,
		HealthPath:        "/healthz",
		KeepAlive:         true,
		Quiet:             true,
		DisableACLs:       true,
	}
	if err := embedgw.RunVersityGW(ctx, backend, &cfg); err != nil {
		return fmt.Errorf("serve %s: %w", o.addr, err)
	}
	return nil
}
