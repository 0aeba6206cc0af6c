// Command local runs Wharf on this machine: PostgreSQL, an S3 server, the api and the worker, for development, for
// the tests and for a first look. The Makefile calls it.
//
//	local up                  everything, in .wharf; again: only what is dead or changed
//	local down [--clean]      stop everything, the tests' services too; --clean forgets the data
//	local seed --rows N       one more tenant with rows
//	local services up|down    PostgreSQL and S3 alone, in --dir
//	local env --test          the tests' services, as lines for a shell to evaluate; --dir: others of the kind
//
// It ends when its work is done and leaves the processes running, each in a session of its own. Invariants:
//
//   - One run at a time works in a directory: a file lock says so, and goes with the process that held it.
//   - A child is alive while it holds the lock on its own file in run/. No pid is trusted for that: a number may
//     have passed to somebody else.
//   - A run that is interrupted anywhere is repaired by the next one: files appear by rename, a half-made cluster
//     is thrown away, what runs is found and kept.
//   - Servers listen on 127.0.0.1 alone; passwords are random and lie in files of mode 0600.
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
	"strings"
	"syscall"
	"time"
)

const usage = `usage:
  local up                                     start everything in .wharf, and write .wharf/env
  local down [--clean]                         stop everything; --clean forgets the data
  local seed --rows N                          fill one more tenant: N contacts and what belongs to them
  local services up|down --dir DIR [--test]    PostgreSQL and S3 alone
  local env --test [--dir DIR]                 start the tests' services, print their environment`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	h := host{env: environment(os.Environ()), now: time.Now(), out: os.Stdout, log: os.Stderr}
	if err := run(ctx, h, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "local:", err)
		os.Exit(1)
	}
}

// host is what the process was given.
type host struct {
	env map[string]string
	now time.Time
	out io.Writer // for other programs to read
	log io.Writer // for people
}

func (h host) say(format string, args ...any) { _, _ = fmt.Fprintf(h.log, format+"\n", args...) }

func environment(pairs []string) map[string]string {
	env := make(map[string]string, len(pairs))
	for _, p := range pairs {
		name, value, _ := strings.Cut(p, "=")
		env[name] = value
	}
	return env
}

func run(ctx context.Context, h host, args []string) error {
	command := strings.Join(args[:leading(args)], " ")
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	flags.SetOutput(h.log)
	dir := flags.String("dir", ".wharf", "directory of the services")
	test := flags.Bool("test", false, "services for the tests: fast, and free to lose data")
	rows := flags.Int("rows", sampleContacts, "contacts of a further tenant")
	clean := flags.Bool("clean", false, "forget the data")
	if err := flags.Parse(args[leading(args):]); err != nil {
		return fmt.Errorf("read arguments: %w", err)
	}
	root, err := projectRoot()
	if err != nil {
		return err
	}
	switch command {
	case "up":
		return h.up(ctx, root, filepath.Join(root, ".wharf"))
	case "down":
		return h.down(ctx, root, filepath.Join(root, ".wharf"), *clean)
	case "seed":
		return h.seed(ctx, root, filepath.Join(root, ".wharf"), *rows)
	case "services up":
		return h.servicesUp(ctx, root, *dir, *test)
	case "services down":
		return h.servicesDown(ctx, root, *dir, *clean)
	case "env":
		if !*test {
			return errors.New("only the tests' environment is printed: env --test; the other one is in .wharf/env")
		}
		at := testDir(root)
		flags.Visit(func(f *flag.Flag) {
			if f.Name == "dir" {
				at = *dir
			}
		})
		return h.printTestEnv(ctx, root, at)
	}
	return errors.New("unknown command\n" + usage)
}

// leading counts the words before the first flag: the command.
func leading(args []string) int {
	for i, a := range args {
		if strings.HasPrefix(a, "-") {
			return i
		}
	}
	return len(args)
}

// projectRoot is the working directory, if the module lies there: everything else is found from it.
func projectRoot() (string, error) {
	root, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the project: %w", err)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil || !strings.HasPrefix(string(mod), "module wharf\n") {
		return "", errors.New("run it in the project's directory")
	}
	return root, nil
}
