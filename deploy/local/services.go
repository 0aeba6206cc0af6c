package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// services are PostgreSQL and S3.
type services struct {
	postgres *cluster
	s3       *gateway
}

func (s *site) ensureServices(ctx context.Context, test bool) (*services, error) {
	postgres, err := s.ensurePostgres(ctx, test)
	if err != nil {
		return nil, err
	}
	if !test { // the tests make roles and databases of their own
		if err := postgres.ensureRoles(ctx); err != nil {
			return nil, err
		}
	}
	s3, err := s.ensureGateway(ctx)
	if err != nil {
		return nil, err
	}
	return &services{postgres: postgres, s3: s3}, nil
}

func (h host) servicesUp(ctx context.Context, root, dir string, test bool) (err error) {
	s, err := h.open(ctx, root, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	_, err = s.ensureServices(ctx, test)
	return err
}

func (h host) servicesDown(ctx context.Context, root, dir string, clean bool) (err error) {
	_, absent := os.Stat(dir)
	s, err := h.open(ctx, root, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	return s.down(ctx, clean || absent != nil)
}

// down stops what runs in the site, those first that use the others.
func (s *site) down(ctx context.Context, clean bool) error {
	for _, p := range []program{
		{name: workerName, stop: []syscall.Signal{syscall.SIGTERM}, patience: drain},
		{name: apiName, stop: []syscall.Signal{syscall.SIGTERM}, patience: drain},
		{name: gatewayName, stop: []syscall.Signal{syscall.SIGTERM}, patience: 10 * time.Second},
		{name: superuser, stop: []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT}, patience: time.Minute},
	} {
		if err := s.end(ctx, p); err != nil {
			return err
		}
	}
	if !clean {
		return nil
	}
	for _, path := range append(s.homes(), s.dir) {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("forget the data: %w", err)
		}
	}
	return nil
}

func testDir(root string) string { return filepath.Join(root, ".wharf", "test") }

// printTestEnv starts the tests' services and prints how to reach them.
func (h host) printTestEnv(ctx context.Context, root, dir string) (err error) {
	s, err := h.open(ctx, root, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	// Ports asked for are the development's.
	s.env = without(s.env, "WHARF_PG_PORT", "WHARF_S3_PORT")
	up, err := s.ensureServices(ctx, true)
	if err != nil {
		return err
	}
	u, err := up.postgres.url(superuser, superuser)
	if err != nil {
		return err
	}
	vars := variables{
		{"WHARF_TEST_DATABASE_URL", u},
		{"WHARF_TEST_S3_ENDPOINT", up.s3.endpoint},
		{"WHARF_TEST_S3_ACCESS_KEY", up.s3.accessKey},
		{"WHARF_TEST_S3_SECRET_KEY", up.s3.secretKey},
		{"WHARF_TEST_S3_BUCKET", bucket},
	}
	if _, err := h.out.Write(vars.shell()); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
