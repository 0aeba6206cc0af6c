package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// serverAccount is whom PostgreSQL runs as. It refuses root; then it is the account that the cluster's files belong
// to already, else postgres, else nobody.
func (s *site) serverAccount() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil // no other account
	}
	for _, home := range s.homes() {
		if info, err := os.Stat(filepath.Join(home, "data")); err == nil {
			if owner, ok := info.Sys().(*syscall.Stat_t); ok && owner.Uid != 0 {
				return &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}, nil
			}
		}
	}
	for _, name := range []string{superuser, "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
			gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
			if uidErr == nil && gidErr == nil {
				return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
			}
		}
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is neither an account postgres nor nobody")
}

// homes are where the cluster may lie: in the site, or, where the server's account cannot reach that, in /var/tmp.
func (s *site) homes() []string {
	sum := sha256.Sum256([]byte(s.dir))
	return []string{s.path("postgres"), filepath.Join("/var/tmp", "wharf-"+hex.EncodeToString(sum[:])[:16])}
}

// ensureHome gives the directory of the cluster, made so that the account can work in it.
func (s *site) ensureHome(account *syscall.Credential) (string, error) {
	homes := s.homes()
	for i, home := range homes {
		if err := makeHome(home, account); err != nil {
			return "", err
		}
		if reachable(home, account) {
			return home, nil
		}
		if i == 0 {
			s.say("%s cannot be reached by the account that PostgreSQL runs as: the data goes to %s", s.dir, homes[1])
			if err := os.RemoveAll(home); err != nil {
				return "", fmt.Errorf("remove %s: %w", home, err)
			}
		}
	}
	return "", fmt.Errorf("uid %d cannot work in %s", account.Uid, homes[1])
}

// makeHome makes home and the socket directory in it. A directory of that name that belongs to somebody else, as
// anybody may put into /var/tmp, is refused.
func makeHome(home string, account *syscall.Credential) error {
	owner := os.Geteuid()
	if account != nil {
		owner = int(account.Uid)
	}
	if err := os.Mkdir(home, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("make directory: %w", err)
	}
	info, err := os.Lstat(home)
	if err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || (int(stat.Uid) != owner && int(stat.Uid) != os.Geteuid()) {
		return fmt.Errorf("%s is not ours; remove it", home)
	}
	socket := filepath.Join(home, "socket")
	if err := os.Mkdir(socket, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("make directory: %w", err)
	}
	return errors.Join(own(home, account), own(socket, account))
}

func (c *cluster) own(path string) error { return own(path, c.account) }

func own(path string, account *syscall.Credential) error {
	if account == nil {
		return nil
	}
	if err := os.Lchown(path, int(account.Uid), int(account.Gid)); err != nil {
		return fmt.Errorf("give %s to uid %d: %w", path, account.Uid, err)
	}
	return nil
}

// reachable tries whether the account can stand in dir, by standing in it.
func reachable(dir string, account *syscall.Credential) bool {
	cmd := exec.Command("/bin/sh", "-c", ": > probe && rm probe") //nolint:noctx // over at once
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: account}
	return cmd.Run() == nil
}

// runsOn reports whether the process pid is alive and works on the data directory: PostgreSQL names it among its
// arguments, and stands in it.
func runsOn(pid int, data string) bool {
	if pid <= 0 || errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	if cwd, err := os.Readlink(filepath.Join(proc, "cwd")); err == nil && cwd == data {
		return true
	}
	command, err := os.ReadFile(filepath.Join(proc, "cmdline"))
	if err != nil {
		command, err = exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output() //nolint:noctx // a number
	}
	return err == nil && strings.Contains(string(command), data)
}
