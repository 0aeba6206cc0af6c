package main

import (
	"bytes"
	"fmt"
	"maps"
	"strings"
)

// variables are named values for other programs, in the order in which they are written.
type variables []struct{ name, value string }

// shell gives lines that a POSIX shell, and any reader of NAME='value' lines, takes in; the last one exports them.
func (v variables) shell() []byte {
	var b bytes.Buffer
	names := make([]string, len(v))
	for i, x := range v {
		names[i] = x.name
		_, _ = fmt.Fprintf(&b, "%s='%s'\n", x.name, strings.ReplaceAll(x.value, "'", `'\''`))
	}
	_, _ = fmt.Fprintf(&b, "export %s\n", strings.Join(names, " "))
	return b.Bytes()
}

// pairs gives NAME=value for a child's environment.
func (v variables) pairs() []string {
	out := make([]string, len(v))
	for i, x := range v {
		out[i] = x.name + "=" + x.value
	}
	return out
}

func without(env map[string]string, names ...string) map[string]string {
	env = maps.Clone(env)
	for _, n := range names {
		delete(env, n)
	}
	return env
}
