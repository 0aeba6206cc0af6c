package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// command is a program that is run to its end.
type command struct {
	path string
	args []string
	env  []string // nil: this process's
	dir  string
	as   *syscall.Credential
}

// tool runs the command and gives what it wrote to standard output. What it wrote to standard error is in the error.
// The end of ctx interrupts it and lets it clean up: a package manager that is killed leaves a broken system.
func (h host) tool(ctx context.Context, c command) ([]byte, error) {
	var out, complaints bytes.Buffer
	cmd := exec.CommandContext(ctx, c.path, c.args...) // the words are ours
	cmd.Env, cmd.Dir = c.env, c.dir
	cmd.Stdout, cmd.Stderr = &out, &complaints
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.as}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	err := cmd.Run()
	if ctx.Err() != nil { // also where it succeeded: go build says so when it was interrupted
		return nil, interrupted(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", c.path, err, strings.TrimSpace(complaints.String()+"\n"+out.String()))
	}
	return out.Bytes(), nil
}
