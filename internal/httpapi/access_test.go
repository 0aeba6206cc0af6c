package httpapi_test

import (
	"cmp"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"wharf/internal/auth"
	"wharf/internal/httpapi"
	"wharf/internal/tenancy"
)

// columns is the contract's table of roles, written by hand from api.md: who may what a column names. Operators of the
// installation see jobs of every tenant and the audit log, and have the routes of "installation" to themselves.
var columns = map[string]string{
	"data read":     "owner admin manager member readonly",
	"import":        "owner admin manager member",
	"export":        "owner admin manager",
	"dump":          "owner admin",
	"manage":        "owner admin",
	"restore":       "owner admin",
	"own jobs":      "owner admin manager operator",
	"audit log":     "owner admin manager operator",
	"installation":  "operator",
	"any principal": "owner admin manager member readonly operator",
	"everybody":     "owner admin manager member readonly operator",
}

// access is what is expected of a route: its column in the table, the scope that a narrowed key needs for it, and a body that
// passes for one.
type access struct {
	column, scope, body string
}

// routes is written by hand, an entry an operation.
var routes = map[string]access{
	"listImporters":    {column: "import", scope: "imports:read"},
	"createImporter":   {"import", "imports:write", `{"name": "x", "fields": [{"name": "a", "type": "text"}]}`},
	"getImporterByKey": {column: "import", scope: "imports:read"},
	"getImporter":      {column: "import", scope: "imports:read"},
	"updateImporter":   {"import", "imports:write", `{"name": "y"}`},
	"deleteImporter":   {column: "import", scope: "imports:write"},

	"createEmbedToken":  {"import", "imports:write", `{}`},
	"revokeEmbedTokens": {column: "import", scope: "imports:write"},

	"listImports":          {column: "import", scope: "imports:read"},
	"createImport":         {column: "import", scope: "imports:write"},
	"getImport":            {column: "import", scope: "imports:read"},
	"downloadImportResult": {column: "import", scope: "imports:read"},
	"cancelImport":         {column: "import", scope: "imports:write"},
	"retryImport":          {column: "import", scope: "imports:write"},
	"previewImport":        {column: "import", scope: "imports:write"},
	"streamImport":         {column: "import", scope: "imports:read"},
	"listImportRows":       {column: "import", scope: "imports:read"},
	"amendImportRow":       {"import", "imports:write", `{"email": "a@example.com"}`},
	"commitImport":         {column: "import", scope: "imports:write"},
	"revertImport":         {column: "import", scope: "imports:write"},
	"downloadImportErrors": {column: "import", scope: "imports:read"},
	"getImporterTemplate":  {column: "import", scope: "imports:read"},
	"getTableTemplate":     {column: "import", scope: "imports:read"},

	"rotateWebhookSecret":   {column: "manage", scope: "manage"},
	"listWebhookDeliveries": {column: "manage", scope: "manage"},
	"getWebhookDelivery":    {column: "manage", scope: "manage"},
	"retryWebhookDelivery":  {column: "manage", scope: "manage"},

	"createUpload": {"import", "imports:write", `{"name": "a.csv", "bytes": 5}`},
	"getUpload":    {column: "import", scope: "imports:write"},
	"deleteUpload": {column: "import", scope: "imports:write"},

	"listExports":    {column: "export", scope: "exports:read"},
	"createExport":   {"export", "exports:write", `{}`},
	"getExport":      {column: "export", scope: "exports:read"},
	"deleteExport":   {column: "export", scope: "exports:write"},
	"downloadExport": {column: "export", scope: "exports:read"},
	"cancelExport":   {column: "export", scope: "exports:write"},
	"retryExport":    {column: "export", scope: "exports:write"},
	"streamExport":   {column: "export", scope: "exports:write"},
	"streamDump":     {column: "dump", scope: "dump:read"},

	"listExportSchedules":  {column: "export", scope: "exports:read"},
	"createExportSchedule": {"export", "exports:write", `{"cron": "@daily"}`},
	"getExportSchedule":    {column: "export", scope: "exports:read"},
	"updateExportSchedule": {"export", "exports:write", `{"enabled": false}`},
	"deleteExportSchedule": {column: "export", scope: "exports:write"},

	"importDocument": {"restore", "restores:write", `{"doc": {"schema_version": 1}}`},
	"listRestores":   {column: "restore", scope: "restores:write"},
	"createRestore":  {column: "restore", scope: "restores:write"},
	"getRestore":     {column: "restore", scope: "restores:write"},
	"streamRestore":  {column: "restore", scope: "restores:write"},
	"cancelRestore":  {column: "restore", scope: "restores:write"},
	"retryRestore":   {column: "restore", scope: "restores:write"},
	"revertRestore":  {column: "restore", scope: "restores:write"},

	"listJobs":    {column: "own jobs", scope: "jobs:manage"},
	"getJob":      {column: "own jobs", scope: "jobs:manage"},
	"retryJob":    {column: "own jobs", scope: "jobs:manage"},
	"cancelJob":   {column: "own jobs", scope: "jobs:manage"},
	"retryJobs":   {"installation", "", `{"filter": {}}`},
	"listQueues":  {column: "installation"},
	"pauseQueue":  {column: "installation"},
	"resumeQueue": {column: "installation"},

	"getTenantLimits": {column: "installation"},
	"setTenantLimits": {"installation", "", `{"requests_per_minute": 5}`},

	"getMe":      {column: "any principal"},
	"listTables": {column: "data read", scope: "data:read"},
	"listAudit":  {column: "audit log", scope: "audit:read"},

	"getOpenAPI": {column: "everybody"},
	"getLive":    {column: "everybody"},
	"getReady":   {column: "everybody"},
}

// route is one operation of the contract.
type route struct {
	access
	method, path string
	op           *openapi3.Operation
	parameters   openapi3.Parameters
}

// everyRoute walks the contract, and fails on an operation that this file does not know: a new route needs its line here.
func everyRoute(t *testing.T) (all []route) {
	t.Helper()
	spec, err := httpapi.GetSpec()
	require.NoError(t, err)
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			expected, known := routes[op.OperationID]
			require.True(t, known, "%s %s (%s): write down who may", method, path, op.OperationID)
			require.Contains(t, columns, expected.column)
			all = append(all, route{expected, method, path, op, slices.Concat(item.Parameters, op.Parameters)})
		}
	}
	require.Len(t, all, len(routes), "a line without its route")
	slices.SortFunc(all, func(a, b route) int { return cmp.Compare(a.op.OperationID, b.op.OperationID) })
	return all
}

// with gives the route's path with the value in the place of its parameter.
func (r route) with(value string) string {
	begin, end := strings.IndexByte(r.path, '{'), strings.IndexByte(r.path, '}')
	if begin < 0 {
		return r.path
	}
	return strings.Replace(r.path[:begin]+value+r.path[end+1:], "{row}", "2", 1)
}

// takesFile reports whether the request is a form with a file.
func (r route) takesFile() bool {
	return slices.Contains([]string{"createImport", "previewImport", "createRestore"}, r.op.OperationID)
}

// anything gives the path with a value that names nothing.
func (r route) anything() string {
	switch {
	case strings.Contains(r.path, "{job_id}"):
		return r.with("9007199254740991")
	case strings.Contains(r.path, "{name}"):
		return r.with("webhook")
	default:
		return r.with(uuid.NewString())
	}
}

// call sends a request that is in order but for what it names.
func (h *house) call(t *testing.T, r route, key, path string) response {
	t.Helper()
	if r.takesFile() {
		parts := []part{{"file:a.csv", "a\n1\n"}, {"importer_id", uuid.NewString()}}
		if r.op.OperationID == "createRestore" {
			parts = parts[:1]
		}
		body, contentType := form(t, parts...)
		return h.do(t, request{method: r.method, path: path, key: key, body: body, contentType: contentType})
	}
	q := request{method: r.method, path: path, key: key}
	if r.body != "" {
		q.body, q.contentType = io.Reader(strings.NewReader(r.body)), "application/json"
	}
	return h.do(t, q)
}

// The tests of access share a house, each with tenants of its own.
func TestAccess(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for name, test := range map[string]func(t *testing.T, h *house){
		"every route asks for a good credential":            everyRouteAsksForAGoodCredential,
		"other schemes are no credential":                   otherSchemesAreNoCredential,
		"every route lets in whom the table of roles names": everyRouteLetsInWhomTheTableOfRolesNames,
		"scopes of a key narrow its role":                   scopesOfAKeyNarrowItsRole,
		"refused attempt on data is in the audit log":       refusedAttemptOnDataIsInTheAuditLog,
		"me says who one is and may":                        meSaysWhoOneIsAndMay,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, h)
		})
	}
}

func everyRouteAsksForAGoodCredential(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	past := time.Now().Add(-time.Minute)
	expired := n.makeKey(t, auth.KeySpec{Tenant: n.id, Name: "old", Role: tenancy.Owner, Expires: &past})
	revoked := n.makeKey(t, auth.KeySpec{Tenant: n.id, Name: "gone", Role: tenancy.Owner})
	h.exec(t, `UPDATE wharf.api_keys SET revoked_at = now() WHERE prefix = $1`, revoked[4:16])
	unknown, _, _ := auth.NewKey()
	before := n.dump(t)
	for _, r := range everyRoute(t) {
		for name, key := range map[string]string{
			"none": "", "garbage": "whf_garbage", "not text": "whf_\xff\xfe", "unknown": unknown, "expired": expired, "revoked": revoked,
		} {
			got := h.call(t, r, key, r.anything())
			if r.column == "everybody" {
				require.Equal(t, http.StatusOK, got.status, "%s with %s key", r.op.OperationID, name)
				continue
			}
			require.Equal(t, http.StatusUnauthorized, got.status, "%s with %s key", r.op.OperationID, name)
			require.Equal(t, "Bearer", got.header.Get("WWW-Authenticate"))
			require.Equal(t, auth.ErrUnauthenticated.Message, got.problem(t).Detail, "none tells why")
		}
	}
	require.Equal(t, before, n.dump(t))
}

func otherSchemesAreNoCredential(t *testing.T, h *house) {
	key := h.newTenant(t, "acme").key
	for value, want := range map[string]int{
		"Bearer " + key: 200, "bearer " + key: 200, "BEARER   " + key: 200,
		"Basic " + key: 401, key: 401, "Bearer": 401, "Bearer " + key + " " + key: 401, "": 401,
	} {
		got := h.do(t, request{path: "/api/v1/me", header: map[string]string{"Authorization": value}})
		require.Equal(t, want, got.status, strings.ReplaceAll(value, key, "…"))
	}
}

// may reports whether the answer let its caller in: what the request names does not exist, which is another matter.
func may(t *testing.T, got response) bool {
	t.Helper()
	require.NotEqual(t, http.StatusUnauthorized, got.status)
	require.Less(t, got.status, 500, got.body)
	if got.status == http.StatusForbidden {
		require.Equal(t, "Insufficient permissions", got.problem(t).Detail)
		return false
	}
	return true
}

func everyRouteLetsInWhomTheTableOfRolesNames(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	keys := map[string]string{"operator": h.newOperatorKey(t)}
	for _, role := range []tenancy.Role{"owner", "admin", "manager", "member", "readonly"} {
		keys[string(role)] = n.newKey(t, role)
	}
	for _, r := range everyRoute(t) {
		for who, key := range keys {
			want := slices.Contains(strings.Fields(columns[r.column]), who)
			require.Equal(t, want, may(t, h.call(t, r, key, r.anything())), "%s as %s", r.op.OperationID, who)
		}
	}
}

func scopesOfAKeyNarrowItsRole(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	scopes := []tenancy.Permission{
		"data:read", "data:write", "pii:read", "imports:read", "imports:write", "exports:read", "exports:write", "dump:read",
		"restores:write", "manage", "jobs:manage", "audit:read",
	}
	alone, without := map[string]string{}, map[string]string{}
	for i, scope := range scopes {
		alone[string(scope)] = n.newKey(t, tenancy.Owner, scope)
		without[string(scope)] = n.newKey(t, tenancy.Owner, slices.Delete(slices.Clone(scopes), i, i+1)...)
	}
	widened := n.newKey(t, tenancy.Readonly, scopes...)
	for _, r := range everyRoute(t) {
		if r.scope == "" {
			continue
		}
		require.True(t, may(t, h.call(t, r, alone[r.scope], r.anything())), "%s with its scope", r.op.OperationID)
		require.False(t, may(t, h.call(t, r, without[r.scope], r.anything())), "%s without its scope", r.op.OperationID)
		require.Equal(t, r.column == "data read", may(t, h.call(t, r, widened, r.anything())), "%s: scopes give no role", r.op.OperationID)
	}
}

func refusedAttemptOnDataIsInTheAuditLog(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	id := uuid.NewString()
	attempts := []struct {
		role         tenancy.Role
		method, path string
		want         string
	}{
		{"member", "POST", "/api/v1/exports", `export.start {"role": "member"}`},
		{"readonly", "POST", "/api/v1/exports", `export.start {"role": "readonly"}`},
		{"member", "GET", "/api/v1/exports/" + id + "/download", `export.download {"role": "member", "export_id": "` + id + `"}`},
		{"member", "GET", "/api/v1/exports/nonsense/download", `export.download {"role": "member"}`},
		{"manager", "POST", "/api/v1/restores", `restore {"role": "manager"}`},
		{"member", "POST", "/import", `restore {"role": "member"}`},
		{"manager", "POST", "/api/v1/restores/" + id + "/retry", `restore {"role": "manager", "restore_id": "` + id + `"}`},
		{"member", "DELETE", "/api/v1/exports/" + id, `export.delete {"role": "member", "export_id": "` + id + `"}`},
		{"readonly", "GET", "/api/v1/imports/" + id + "/result", `import.download {"role": "readonly", "import_id": "` + id + `"}`},
	}
	for _, a := range attempts {
		got := h.do(t, request{method: a.method, path: a.path, key: n.newKey(t, a.role), header: map[string]string{"X-Request-Id": "refused-1"}})
		require.Equal(t, http.StatusForbidden, got.status)
		entry := scan[string](t, h, `SELECT action || ' ' || scope FROM wharf.audit_log
			WHERE tenant_id = $1 AND outcome = 'denied' AND request_id = 'refused-1' AND actor LIKE 'key:%' ORDER BY id DESC LIMIT 1`, n.id)
		require.Equal(t, a.want, entry)
	}
	require.Equal(t, len(attempts), scan[int](t, h, `SELECT count(*) FROM wharf.audit_log WHERE tenant_id = $1`, n.id), "and each once")
}

func meSaysWhoOneIsAndMay(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	me := decoded[map[string]any](t, h.get(t, n.newKey(t, tenancy.Manager, "imports:read", "manage"), "/api/v1/me"))
	require.Equal(t, n.id.String(), me["tenant_id"])
	require.Equal(t, "manager", me["role"])
	require.Equal(t, "manager", me["name"])
	require.Regexp(t, "^key:", me["actor"])
	require.Equal(t, []any{"imports:read"}, me["permissions"])
	me = decoded[map[string]any](t, h.get(t, h.newOperatorKey(t), "/api/v1/me"))
	require.Equal(t, "operator", me["role"])
	require.Nil(t, me["tenant_id"])
	require.Equal(t, []any{"ops"}, me["permissions"])
}
