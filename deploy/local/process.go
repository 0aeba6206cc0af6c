package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// program is a child that outlives this process.
type program struct {
	name     string
	path     string
	args     []string
	env      []string
	dir      string              // working directory; empty: the site's
	as       *syscall.Credential // nil: as this process
	stop     []syscall.Signal    // one after the other, each with the patience
	patience time.Duration
	ready    func(ctx context.Context) error

	startup   time.Duration // until ready
	answering time.Duration // a running program may take so long to answer before it is restarted; 15 s
}

// ensure sees to it that p runs as it is now, and answers.
func (s *site) ensure(ctx context.Context, p program) error {
	mark, err := p.fingerprint()
	if err != nil {
		return err
	}
	alive, err := s.alive(p.name)
	if err != nil {
		return err
	}
	if alive {
		if s.startedAs(p.name) == mark {
			if await(ctx, cmp.Or(p.answering, 15*time.Second), s.gone(p.name), p.ready) == nil {
				return nil
			}
			if ctx.Err() != nil {
				return interrupted(ctx)
			}
			s.say("%s does not answer: restarting it", p.name)
		} else {
			s.say("%s changed: restarting it", p.name)
		}
		if err := s.end(ctx, p); err != nil {
			return err
		}
	}
	return s.launch(ctx, p, mark)
}

func (s *site) launch(ctx context.Context, p program, mark string) error {
	log, err := s.openLog(p.name)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the child has its own
	from, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	cmd, err := s.spawn(p, mark, log)
	if err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }() // or it would stay as a zombie for as long as this process lives
	ready := func(ctx context.Context) error {
		return errors.Join(s.hasPID(p.name), p.ready(ctx))
	}
	if err := await(ctx, p.startup, s.gone(p.name), ready); err != nil {
		if ctx.Err() != nil {
			return interrupted(ctx)
		}
		return fmt.Errorf("start %s: %w\n%s", p.name, err, tail(log.Name(), from))
	}
	s.say("%s runs, pid %d", p.name, cmd.Process.Pid)
	return nil
}

// announce writes the pid of what it becomes into the lock, by itself: then there is no moment at which a process
// lives whose pid nobody knows.
const announce = `printf %s "$$" >&3; exec "$@"`

// spawn starts p in a session of its own. The child inherits the lock on its file, and with it says that it lives.
func (s *site) spawn(p program, mark string, log *os.File) (*exec.Cmd, error) {
	lock, err := os.OpenFile(s.path("run", p.name+".lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	defer func() { _ = lock.Close() }() // the child's copy holds on
	if locked, err := tryLock(lock); err != nil || !locked {
		return nil, errors.Join(fmt.Errorf("start %s: it runs already", p.name), err)
	}
	if err := lock.Truncate(0); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	if err := replaceFile(s.path("run", p.name+".fingerprint"), []byte(mark)); err != nil {
		return nil, err
	}
	args := append([]string{"-c", announce, p.name, p.path}, p.args...)
	cmd := exec.Command("/bin/sh", args...) //nolint:noctx // it outlives this process, and its context
	cmd.Env, cmd.Dir = p.env, p.dir
	if cmd.Dir == "" {
		cmd.Dir = s.dir
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{lock}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: p.as}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	return cmd, nil
}

// alive reports whether a process holds the lock of the name.
func (s *site) alive(name string) (bool, error) {
	f, err := os.OpenFile(s.path("run", name+".lock"), os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for %s: %w", name, err)
	}
	free, err := tryLock(f)
	_ = f.Close() // nothing was written
	return !free, err
}

// pid is the process that holds the lock of the name; zero if it is not known.
func (s *site) pid(name string) int {
	raw, err := os.ReadFile(s.path("run", name+".lock"))
	if err != nil {
		return 0
	}
	return int(number(string(raw)))
}

// hasPID tells whether the process has said its pid yet; one that was just born is about to.
func (s *site) hasPID(name string) error {
	if s.pid(name) <= 1 {
		return errNotReady
	}
	return nil
}

// startedAs is the fingerprint of the program that the name was last started with.
func (s *site) startedAs(name string) string {
	raw, err := os.ReadFile(s.path("run", name+".fingerprint"))
	if err != nil {
		return ""
	}
	return string(raw)
}

// end asks p to stop, the more firmly the longer it takes, and waits until it has. Without p running it does nothing.
func (s *site) end(ctx context.Context, p program) error {
	alive, err := s.alive(p.name)
	if err != nil || !alive {
		return err
	}
	known := func(context.Context) error { return s.hasPID(p.name) }
	err = await(ctx, 2*time.Second, s.gone(p.name), known)
	if errors.Is(err, errGone) {
		return nil
	}
	pid := s.pid(p.name)
	if err != nil {
		return fmt.Errorf("stop %s: it runs, but run/%s.lock does not say as which process; end it by hand", p.name, p.name)
	}
	for _, sig := range append(p.stop, syscall.SIGKILL) {
		if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop %s: %w", p.name, err)
		}
		if errors.Is(await(ctx, p.patience, s.gone(p.name), never), errGone) {
			s.say("%s stopped", p.name)
			return nil
		}
		if ctx.Err() != nil {
			return interrupted(ctx)
		}
		s.say("%s did not stop within %s of %s", p.name, p.patience, sig)
	}
	return fmt.Errorf("stop %s: it still runs, pid %d", p.name, pid)
}

var (
	errGone     = errors.New("it ended")
	errNotReady = errors.New("it is not ready")
)

func never(context.Context) error { return errNotReady }

// gone gives a check whether the process of the name has ended.
func (s *site) gone(name string) func() bool {
	return func() bool {
		alive, err := s.alive(name)
		return err == nil && !alive
	}
}

// await asks until ready says yes, for as long as limit; errGone if the process has ended before.
func await(ctx context.Context, limit time.Duration, gone func() bool, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := once(ctx, ready)
		if err == nil {
			return nil
		}
		if gone() {
			return errGone
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("not within %s: %w", limit, err)
		}
	}
}

func once(ctx context.Context, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return ready(ctx)
}

func (p program) fingerprint() (string, error) {
	sum := sha256.New()
	f, err := os.Open(p.path)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", p.name, err)
	}
	defer func() { _ = f.Close() }() // only read
	if _, err := io.Copy(sum, f); err != nil {
		return "", fmt.Errorf("read %s: %w", p.name, err)
	}
	for _, part := range [][]string{{p.path, p.dir}, p.args, p.env} {
		_, _ = fmt.Fprintf(sum, "%q", part) // a hash takes everything
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

const logLimit = 32 << 20 // bytes; at the next start a longer log is put aside

func (s *site) openLog(name string) (*os.File, error) {
	path := s.path("log", name+".log")
	if info, err := os.Stat(path); err == nil && info.Size() > logLimit {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, fmt.Errorf("put %s aside: %w", path, err)
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return f, nil
}

const tailLines = 20

// tail gives the last lines of a log that were written behind from.
func tail(path string, from int64) string {
	raw, err := os.ReadFile(path)
	if err != nil || int64(len(raw)) <= from {
		return "its log " + path + " is empty"
	}
	lines := strings.Split(strings.TrimSpace(string(raw[from:])), "\n")
	return "the end of " + path + ":\n  " + strings.Join(lines[max(0, len(lines)-tailLines):], "\n  ")
}
