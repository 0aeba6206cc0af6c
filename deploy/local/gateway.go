package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"syscall"
	"time"

	"wharf/internal/objectstore"
)

const (
	gatewayName = "s3"
	bucket      = "wharf"
	region      = "us-east-1"
)

// gateway is the site's S3 server.
type gateway struct {
	endpoint, accessKey, secretKey string
}

// ensureGateway builds the server of deploy/dev, sees to it that it runs, and makes the bucket.
func (s *site) ensureGateway(ctx context.Context) (*gateway, error) {
	if err := s.build(ctx, filepath.Join(s.root, "deploy", "dev"), map[string]string{gatewayName: "."}); err != nil {
		return nil, err
	}
	alive, err := s.alive(gatewayName)
	if err != nil {
		return nil, err
	}
	port, err := s.state.port(gatewayName, s.env["WHARF_S3_PORT"], alive)
	if err != nil {
		return nil, err
	}
	g := &gateway{endpoint: "http://" + local(port)}
	if g.accessKey, err = s.state.secret("s3_access_key"); err != nil {
		return nil, err
	}
	if g.secretKey, err = s.state.secret("s3_secret_key"); err != nil {
		return nil, err
	}
	err = s.ensure(ctx, program{
		name: gatewayName,
		path: s.bin(gatewayName),
		args: []string{"--addr", local(port), "--dir", s.path("s3"), "--region", region},
		env: []string{
			"PATH=" + s.env["PATH"],
			"WHARF_S3_ACCESS_KEY=" + g.accessKey, "WHARF_S3_SECRET_KEY=" + g.secretKey,
		},
		stop:     []syscall.Signal{syscall.SIGTERM},
		patience: 10 * time.Second,
		startup:  30 * time.Second,
		ready:    answersOK(g.endpoint + "/healthz"),
	})
	if err != nil {
		return nil, err
	}
	return g, g.ensureBucket(ctx)
}

func (g *gateway) open(ctx context.Context) (*objectstore.Store, error) {
	store, err := objectstore.Open(ctx, objectstore.Config{
		Endpoint: g.endpoint, Region: region, Bucket: bucket, AccessKey: g.accessKey, SecretKey: g.secretKey, PathStyle: true,
	})
	if err != nil {
		return nil, fmt.Errorf("open the bucket: %w", err)
	}
	return store, nil
}

func (g *gateway) ensureBucket(ctx context.Context) error {
	store, err := g.open(ctx)
	if err != nil {
		return err
	}
	defer store.Close()
	if err := store.EnsureBucket(ctx); err != nil {
		return fmt.Errorf("make the bucket: %w", err)
	}
	return nil
}

// answersOK gives a check whether a GET of the URL is answered with 200.
func answersOK(url string) func(context.Context) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy: it is this machine
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return fmt.Errorf("ask %s: %w", url, err)
		}
		resp, err := client.Do(req)
		if err != nil {
			return fmt.Errorf("ask %s: %w", url, err)
		}
		defer func() { _ = resp.Body.Close() }() // only read
		body, err := io.ReadAll(io.LimitReader(resp.Body, 2000))
		if err != nil {
			return fmt.Errorf("ask %s: %w", url, err)
		}
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s: %s", url, resp.Status, body)
		}
		return nil
	}
}
