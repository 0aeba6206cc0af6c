package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// endStrays ends what an earlier site of the same directory left running when it was deleted by hand: nobody else can
// find those processes any more. It is for a site that has no state yet.
func (s *site) endStrays(ctx context.Context) error {
	strays := func() map[int]string {
		found := map[int]string{}
		for pid, command := range processes() {
			if s.isOurs(command) {
				found[pid] = command
			}
		}
		return found
	}
	for pid, command := range strays() {
		name, _, _ := strings.Cut(command, " ")
		s.say("ending process %d, %s, which a deleted %s left behind", pid, filepath.Base(name), s.dir)
		if err := syscall.Kill(pid, syscall.SIGINT); err != nil && !errors.Is(err, syscall.ESRCH) {
			s.say("process %d: %v", pid, err) // somebody else's, and not in the way
		}
	}
	none := func(context.Context) error {
		if len(strays()) > 0 {
			return errors.New("they still run")
		}
		return nil
	}
	if err := await(ctx, drain, func() bool { return false }, none); err != nil {
		if ctx.Err() != nil {
			return interrupted(ctx)
		}
		s.say("what a deleted %s left behind: %v", s.dir, err)
	}
	return nil
}

// isOurs tells by the words of a process whether it serves from this directory.
func (s *site) isOurs(command string) bool {
	command += " "
	for _, home := range s.homes() {
		if strings.Contains(command, " -D "+filepath.Join(home, "data")+" ") {
			return true
		}
	}
	if strings.HasPrefix(command, s.bin(gatewayName)+" ") {
		return strings.Contains(command, " --dir "+s.path("s3")+" ")
	}
	return s.dir == filepath.Dir(s.bin("")) && (command == s.bin(apiName)+" " || command == s.bin(workerName)+" ")
}

// processes gives the words of each process, by pid.
func processes() map[int]string {
	found := map[int]string{}
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err == nil && len(files) > 0 {
		for _, f := range files {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f)))
			raw, readErr := os.ReadFile(f)
			if err == nil && readErr == nil {
				found[pid] = strings.TrimSpace(strings.ReplaceAll(string(raw), "\x00", " "))
			}
		}
		return found
	}
	out, err := exec.Command("ps", "-axo", "pid=,command=").Output() //nolint:noctx // over at once
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(out)) {
		first, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if pid, err := strconv.Atoi(first); err == nil {
			found[pid] = strings.TrimSpace(rest)
		}
	}
	return found
}
