package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// build compiles packages of the module in dir into .wharf/bin, each to the file of its name. Go leaves a binary that
// is up to date alone, and puts one that changed in its place by rename: the old process runs on with the old file.
func (s *site) build(ctx context.Context, dir string, packages map[string]string) error {
	scratch := s.path("tmp") // on the same file system, so that a rename is possible
	if err := os.RemoveAll(scratch); err != nil {
		return fmt.Errorf("remove what an interrupted build left: %w", err)
	}
	for _, d := range []string{scratch, s.bin("")} {
		if err := os.MkdirAll(d, 0o755); err != nil { // programs, no secrets
			return fmt.Errorf("make directory: %w", err)
		}
	}
	for name, pkg := range packages {
		// Without the commit's stamp: it would change the binary with every commit, and fails where git distrusts the
		// directory's owner.
		args := []string{"build", "-buildvcs=false", "-o", s.bin(name), pkg}
		env := append(os.Environ(), "GOTMPDIR="+filepath.Clean(scratch))
		if _, err := s.tool(ctx, command{path: "go", args: args, env: env, dir: dir}); err != nil {
			return fmt.Errorf("build %s: %w", name, err)
		}
	}
	return nil
}
