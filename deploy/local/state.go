package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/google/uuid"

	"wharf/internal/fieldcrypt"
)

// state is what a site remembers from run to run: DIR/state.json, mode 0600. Every change is written at once, so that
// an interrupted run loses none.
type state struct {
	path    string
	Ports   map[string]int     `json:"ports"`
	Secrets map[string]string  `json:"secrets"`
	Tenants map[string]*tenant `json:"tenants"` // by slug
	OpsKey  string             `json:"ops_key,omitempty"`
}

// tenant is a sample tenant and its API keys, by role.
type tenant struct {
	ID   uuid.UUID         `json:"id"`
	Keys map[string]string `json:"keys"`
}

func loadState(path string) (*state, error) {
	s := &state{path: path}
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read state: %w", err)
	}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, s); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
	}
	if s.Ports == nil {
		s.Ports = map[string]int{}
	}
	if s.Secrets == nil {
		s.Secrets = map[string]string{}
	}
	if s.Tenants == nil {
		s.Tenants = map[string]*tenant{}
	}
	return s, nil
}

// isNew reports that no run has remembered anything yet.
func (s *state) isNew() bool { return len(s.Ports)+len(s.Secrets)+len(s.Tenants) == 0 }

func (s *state) save() error {
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	return replaceFile(s.path, append(raw, '\n'))
}

// secret gives the secret of the name, made at its first use: 40 hexadecimal digits.
func (s *state) secret(name string) (string, error) {
	if v, ok := s.Secrets[name]; ok {
		return v, nil
	}
	raw := make([]byte, 20)
	if _, err := rand.Read(raw); err != nil {
		return "", fmt.Errorf("make a secret: %w", err)
	}
	s.Secrets[name] = hex.EncodeToString(raw)
	return s.Secrets[name], s.save()
}

// fieldKeys gives the key ring of encrypted columns, made at its first use.
func (s *state) fieldKeys() (string, error) {
	const name = "field-keys"
	if v, ok := s.Secrets[name]; ok {
		return v, nil
	}
	ring, err := fieldcrypt.NewKeys()
	if err != nil {
		return "", fmt.Errorf("make a key ring: %w", err)
	}
	s.Secrets[name] = ring
	return ring, s.save()
}

// port gives the port of a server: the one asked for, else the one it had if that is still free or its own, else a
// free one.
func (s *state) port(name, asked string, running bool) (int, error) {
	port := s.Ports[name]
	switch {
	case asked != "":
		n, err := strconv.ParseUint(asked, 10, 16)
		if err != nil || n == 0 {
			return 0, fmt.Errorf("port of %s: %q is no port", name, asked)
		}
		if own := running && port == int(n); !own && !isFree(int(n)) {
			return 0, fmt.Errorf("port of %s: %d is taken", name, n)
		}
		port = int(n)
	case port != 0 && (running || isFree(port)):
		return port, nil
	default:
		var err error
		if port, err = s.freePort(); err != nil {
			return 0, err
		}
	}
	s.Ports[name] = port
	return port, s.save()
}

// Below the range from which systems take the ports of outgoing connections, so that none of those sits on the port
// when its server comes back.
const firstPort, lastPort = 20_000, 32_000

func (s *state) freePort() (int, error) {
	mine := map[int]bool{}
	for _, p := range s.Ports {
		mine[p] = true
	}
	for range 200 {
		n, err := rand.Int(rand.Reader, big.NewInt(lastPort-firstPort))
		if err != nil {
			return 0, fmt.Errorf("find a port: %w", err)
		}
		if port := firstPort + int(n.Int64()); !mine[port] && isFree(port) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("find a port: none is free between %d and %d", firstPort, lastPort)
}

func isFree(port int) bool {
	l, err := net.Listen("tcp", local(port)) //nolint:noctx // it does not wait
	if err != nil {
		return false
	}
	return l.Close() == nil
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// replaceFile writes a file of mode 0600 whole or not at all.
func replaceFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.new") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(f.Name()))
	}
	return nil
}
