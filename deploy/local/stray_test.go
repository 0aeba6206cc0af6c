package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyProcessesOfThisDirectoryAreTakenForStrays(t *testing.T) {
	t.Parallel()
	s := &site{root: "/p", dir: "/p/.wharf"}
	test := &site{root: "/p", dir: "/p/.wharf/test"}
	elsewhere := s.homes()[1]
	for command, want := range map[string][2]bool{ // of the development's site, of the tests'
		"/usr/bin/postgres -D /p/.wharf/postgres/data -c port=1":            {true, false},
		"/usr/bin/postgres -D " + elsewhere + "/data -c port=1":             {true, false},
		"/usr/bin/postgres -D /p/.wharf/test/postgres/data -c port=1":       {false, true},
		"/usr/bin/postgres -D /var/lib/postgresql/15/main":                  {false, false},
		"postgres: checkpointer":                                            {false, false},
		"/p/.wharf/bin/s3 --addr 127.0.0.1:1 --dir /p/.wharf/s3 --region x": {true, false},
		"/p/.wharf/bin/s3 --addr 127.0.0.1:1 --dir /p/.wharf/test/s3 --r x": {false, true},
		"/p/.wharf/bin/api":         {true, false},
		"/p/.wharf/bin/worker":      {true, false},
		"/p/.wharf/bin/api migrate": {false, false},
		"/q/.wharf/bin/api":         {false, false},
		"vim /p/.wharf/bin/api":     {false, false},
	} {
		require.Equal(t, want, [2]bool{s.isOurs(command), test.isOurs(command)}, command)
	}
}

func TestProcessesAreListedWithTheirWords(t *testing.T) {
	t.Parallel()
	require.Equal(t, strings.Join(os.Args, " "), processes()[os.Getpid()])
}
