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

// site is a directory of services that this run holds the lock of: .wharf for development, .wharf/test for the tests.
type site struct {
	host
	root  string // the project
	dir   string // absolute
	state *state
	lock  *os.File
}

// open takes the lock of dir, waiting for another run to end, and reads what earlier runs left.
func (h host) open(ctx context.Context, root, dir string) (*site, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", dir, err)
	}
	s := &site{host: h, root: root, dir: dir}
	if s.lock, err = h.lockDir(ctx, dir); err != nil {
		return nil, err
	}
	for _, sub := range []string{"log", "run"} {
		if err := os.MkdirAll(s.path(sub), 0o700); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	if s.state, err = loadState(s.path("state.json")); err != nil {
		return nil, errors.Join(err, s.close())
	}
	if s.state.isNew() {
		if err := s.endStrays(ctx); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	return s, nil
}

// lockDir makes dir and locks it. The loop is for a holder that removed the directory before it let go.
func (h host) lockDir(ctx context.Context, dir string) (*os.File, error) {
	for waiting := false; ; {
		if err := os.MkdirAll(dir, 0o755); err != nil { // PostgreSQL's account passes through; files are 0600
			return nil, fmt.Errorf("make directory: %w", err)
		}
		path := filepath.Join(dir, "lock")
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("open lock: %w", err)
		}
		locked, err := tryLock(f)
		if err == nil && locked && sameFile(f, path) {
			return f, nil
		}
		_ = f.Close() // nothing was written
		if err != nil {
			return nil, fmt.Errorf("lock %s: %w", dir, err)
		}
		if !locked && !waiting {
			waiting = true
			h.say("another run works in %s; waiting for it", dir)
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// tryLock takes the lock on f unless another open file holds it.
func tryLock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("flock: %w", err)
	}
	return true, nil
}

func sameFile(f *os.File, path string) bool {
	there, err := os.Stat(path)
	if err != nil {
		return false
	}
	here, err := f.Stat()
	return err == nil && os.SameFile(here, there)
}

func (s *site) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

// bin is shared by all sites of the project.
func (s *site) bin(name string) string { return filepath.Join(s.root, ".wharf", "bin", name) }

func (s *site) close() error {
	if err := s.lock.Close(); err != nil {
		return fmt.Errorf("release lock: %w", err)
	}
	return nil
}

// pause waits for d or the end of ctx, and says which by its error.
func pause(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return interrupted(ctx)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return interrupted(ctx)
	}
}

// interrupted is the error of a run whose ctx has ended.
func interrupted(ctx context.Context) error {
	return fmt.Errorf("interrupted; the next run goes on from here: %w", ctx.Err())
}
