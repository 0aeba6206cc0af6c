//go:build interop

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// goodClient uses what the document promises; badClient uses what it does not.
const (
	goodClient = `import type { paths } from "./api";
type Import = paths["/api/v1/imports/{id}"]["get"]["responses"][200]["content"]["application/json"];
type Export = paths["/api/v1/exports/{id}"]["get"]["responses"][200]["content"]["application/json"];
type Problem = paths["/api/v1/me"]["get"]["responses"]["default"]["content"]["application/problem+json"];
export const left = (i: Import): number => (i.num_skipped ?? 0) + i.num_errors;
export const rows = (e: Export): number => e.tables?.["contacts"] ?? 0;
export const why = (p: Problem): string => p.errors?.map((f) => f.field + ": " + f.message).join() ?? p.detail;
`
	badClient = `import type { paths } from "./api";
type Import = paths["/api/v1/imports/{id}"]["get"]["responses"][200]["content"]["application/json"];
export const left = (i: Import): number => i.num_lost;
`
)

// TestInteropTypeScript makes types from the OpenAPI document with another program and compiles a client against them.
func TestInteropTypeScript(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	var doc json.RawMessage
	s.get(t, "/api/openapi.json", &doc)
	dir := t.TempDir()
	write := func(name, content string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	run := func(name string, args ...string) (string, error) {
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	must := func(name string, args ...string) {
		out, err := run(name, args...)
		require.NoError(t, err, out)
	}
	write("openapi.json", string(doc))
	write("package.json", `{"private": true}`)
	must("npm", "install", "--silent", "--no-audit", "--no-fund", "typescript@5.9.3", "openapi-typescript@7.10.1")
	must("npx", "openapi-typescript", "openapi.json", "-o", "api.d.ts")
	write("good.ts", goodClient)
	must("npx", "tsc", "--noEmit", "--strict", "good.ts")
	write("bad.ts", badClient)
	out, err := run("npx", "tsc", "--noEmit", "--strict", "bad.ts")
	require.Error(t, err)
	require.Contains(t, out, "num_lost")
}
