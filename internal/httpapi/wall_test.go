package httpapi_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/objectstore"
	"wharf/internal/tenancy"
	"wharf/internal/webhook"
)

// belongings are what a tenant has of everything, by name → id.
type belongings map[string]string

// furnish gives the tenant one of everything that a route can name, each in a state in which the routes work on it.
func (n tenant) furnish(t *testing.T) belongings {
	t.Helper()
	created := func(r response) map[string]any {
		require.Less(t, r.status, 300, r.body)
		return decoded[map[string]any](t, r)
	}
	post := func(path, body string) map[string]any { return created(n.json(t, n.key, http.MethodPost, path, body)) }
	i := post("/api/v1/importers", `{"name": "Contacts", "fields": [{"name": "email", "type": "email"}]}`)
	b := belongings{"importer": i["id"].(string), "importer key": i["key"].(string), "tenant": n.id.String()}
	for _, state := range []string{"waiting", "cancelled", "completed"} {
		b[state+" import"] = created(n.upload(t, n.key, part{"importer_id", b["importer"]}, part{"file:a.csv", "email\na@b.c\n"}))["id"].(string)
		b[state+" export"] = post("/api/v1/exports", `{}`)["id"].(string)
		b[state+" job"] = strconv.FormatInt(scan[int64](t, n.house, `SELECT job_id FROM wharf.imports WHERE id = $1`, b[state+" import"]), 10)
	}
	post("/api/v1/imports/"+b["cancelled import"]+"/cancel", "")
	post("/api/v1/exports/"+b["cancelled export"]+"/cancel", "")
	for table, column := range map[string]string{"import": "result_key", "export": "object_key"} {
		o, err := n.app.Objects.Put(context.Background(), objectstore.Key(n.id, table+"s", "a.csv"), "text/csv", strings.NewReader("email\n"))
		require.NoError(t, err)
		n.exec(t, fmt.Sprintf(`UPDATE wharf.%ss SET status = 'completed', %s = $2 WHERE id = $1`, table, column), b["completed "+table], o.Key)
	}
	n.exec(t, `UPDATE wharf.exports SET file_name = 'a.json' WHERE id = $1`, b["completed export"])
	n.exec(t, `UPDATE wharf.imports SET errors_key = result_key WHERE id = $1`, b["completed import"])
	b["review import"] = n.worked(t, part{"importer_id", b["importer"]}, part{"file:a.csv", "email\na@b.c\n"}, part{"mode", "review"})
	b["revertible import"] = n.worked(t, part{"table", "contacts"}, part{"file:a.csv", "external_id\n1\n"})
	hook := post("/api/v1/importers", `{"name": "Told", "fields": [{"name": "email", "type": "email"}], "webhook_url": "https://example.com/hook"}`)
	n.log.plant(hook["webhook_secret"].(string))
	b["told importer"] = hook["id"].(string)
	b["delivery"] = n.delivery(t, b["told importer"])
	b["schedule"] = post("/api/v1/export-schedules", `{"cron": "@daily"}`)["id"].(string)
	for _, state := range []string{"waiting", "cancelled", "completed"} {
		b[state+" restore"] = created(n.restore(t, part{"file:a.json", `{"schema_version": 1}`}))["id"].(string)
	}
	post("/api/v1/restores/"+b["cancelled restore"]+"/cancel", "")
	n.exec(t, `UPDATE wharf.restores SET status = 'completed' WHERE id = $1`, b["completed restore"])
	b["revertible restore"] = n.done(t, n.restore(t, part{"file:a.json", companies(1)})).ID
	b["upload"] = n.announce(t, content).ID
	n.send(t, b["upload"], content)
	b["audit entry"] = strconv.FormatInt(scan[int64](t, n.house, `SELECT max(id) FROM wharf.audit_log WHERE tenant_id = $1`, n.id), 10)
	return b
}

// worked gives an import that a worker has had.
func (n tenant) worked(t *testing.T, parts ...part) string {
	t.Helper()
	r := n.upload(t, n.key, parts...)
	require.Equal(t, http.StatusAccepted, r.status, r.body)
	id := uuid.MustParse(decoded[map[string]any](t, r)["id"].(string))
	require.NoError(t, n.app.Importers.Run(context.Background(), n.id, id, func(context.Context, pgx.Tx) error { return nil }))
	return id.String()
}

// delivery gives one that has failed.
func (n tenant) delivery(t *testing.T, importer string) string {
	t.Helper()
	owner := webhook.Owner{Kind: webhook.OwnerImporter, ID: uuid.MustParse(importer)}
	require.NoError(t, tenancy.Tx(context.Background(), n.app.DB, tenancy.System(n.id), func(ctx context.Context, tx pgx.Tx) error {
		return n.app.Webhooks.Enqueue(ctx, tx, webhook.News{Tenant: n.id, Owner: owner, Event: "import.completed", URL: "https://example.com/hook", Payload: []byte(`{}`)})
	}))
	n.exec(t, `UPDATE wharf.deliveries SET state = 'failed' WHERE owner_id = $1`, importer)
	return scan[uuid.UUID](t, n.house, `SELECT id FROM wharf.deliveries WHERE owner_id = $1`, importer).String()
}

// foreign says of every place in which a request can name a thing, "operation.place", what it names there, and what another
// tenant that names it is answered. It is written by hand.
var foreign = map[string]struct {
	thing string
	want  int
}{
	"getImporterByKey.key":              {"importer key", 404},
	"getImporter.id":                    {"importer", 404},
	"updateImporter.id":                 {"importer", 404},
	"deleteImporter.id":                 {"importer", 404},
	"createEmbedToken.id":               {"importer", 404},
	"revokeEmbedTokens.id":              {"importer", 404},
	"createImport.importer_id":          {"importer", 404},
	"createImport.upload_id":            {"upload", 404},
	"getUpload.id":                      {"upload", 404},
	"deleteUpload.id":                   {"upload", 404},
	"listImports.importer_id":           {"importer", 200},
	"listImports.after":                 {"completed import", 200},
	"getImport.id":                      {"waiting import", 404},
	"downloadImportResult.id":           {"completed import", 404},
	"cancelImport.id":                   {"waiting import", 404},
	"retryImport.id":                    {"cancelled import", 404},
	"previewImport.importer_id":         {"importer", 404},
	"previewImport.upload_id":           {"upload", 404},
	"streamImport.id":                   {"completed import", 404},
	"listImportRows.id":                 {"review import", 404},
	"amendImportRow.id":                 {"review import", 404},
	"commitImport.id":                   {"review import", 404},
	"revertImport.id":                   {"revertible import", 404},
	"downloadImportErrors.id":           {"completed import", 404},
	"getImporterTemplate.id":            {"importer", 404},
	"rotateWebhookSecret.id":            {"told importer", 404},
	"listWebhookDeliveries.importer_id": {"told importer", 200},
	"listWebhookDeliveries.after":       {"delivery", 200},
	"getWebhookDelivery.id":             {"delivery", 404},
	"retryWebhookDelivery.id":           {"delivery", 404},
	"listExports.after":                 {"completed export", 200},
	"getExport.id":                      {"waiting export", 404},
	"deleteExport.id":                   {"completed export", 404},
	"downloadExport.id":                 {"completed export", 404},
	"cancelExport.id":                   {"waiting export", 404},
	"retryExport.id":                    {"cancelled export", 404},
	"listExportSchedules.after":         {"schedule", 200},
	"getExportSchedule.id":              {"schedule", 404},
	"updateExportSchedule.id":           {"schedule", 404},
	"deleteExportSchedule.id":           {"schedule", 404},
	"listRestores.after":                {"cancelled restore", 200},
	"createRestore.upload_id":           {"upload", 404},
	"createRestore.export_id":           {"completed export", 404},
	"getRestore.id":                     {"waiting restore", 404},
	"streamRestore.id":                  {"completed restore", 404},
	"cancelRestore.id":                  {"waiting restore", 404},
	"retryRestore.id":                   {"cancelled restore", 404},
	"revertRestore.id":                  {"revertible restore", 404},
	"listJobs.after":                    {"completed job", 200},
	"listJobs.tenant":                   {"tenant", 400},
	"getJob.job_id":                     {"waiting job", 404},
	"cancelJob.job_id":                  {"waiting job", 404},
	"retryJob.job_id":                   {"cancelled job", 404},
	"listAudit.after":                   {"audit entry", 200},
	"listAudit.tenant":                  {"tenant", 400},
	// For operators, who have no tenant:
	"retryJobs.filter.tenant": {"tenant", 403},
	"retryJobs.filter.after":  {"cancelled job", 403},
	"getTenantLimits.id":      {"tenant", 403},
	"setTenantLimits.id":      {"tenant", 403},
}

// places gives every place of the route that names a thing: parameters and members of bodies that hold an id.
func (r route) places() (found []string) {
	for _, ref := range r.parameters {
		if p := ref.Value; isID(p.Schema.Value) {
			found = append(found, p.Name)
		}
	}
	if r.op.RequestBody != nil {
		for _, media := range r.op.RequestBody.Value.Content {
			found = append(found, idsIn(media.Schema.Value, "", 0)...)
		}
	}
	slices.Sort(found)
	return slices.Compact(found) // one body may come in several kinds
}

func isID(s *openapi3.Schema) bool {
	return s.Format == "uuid" || s.Format == "int64"
}

func idsIn(s *openapi3.Schema, at string, depth int) (found []string) {
	if depth > 5 {
		return nil
	}
	for name, member := range s.Properties {
		place := strings.TrimPrefix(at+"."+name, ".")
		if isID(member.Value) {
			found = append(found, place)
		}
		found = append(found, idsIn(member.Value, place, depth+1)...)
		if member.Value.Items != nil {
			found = append(found, idsIn(member.Value.Items.Value, place+"[]", depth+1)...)
		}
	}
	return found
}

// naming sends a request that names the thing of that id at the place.
func (n tenant) naming(t *testing.T, r route, place, id string) response {
	t.Helper()
	switch {
	case r.op.OperationID == "createRestore":
		return n.form(t, r, part{place, id})
	case place == "upload_id":
		return n.form(t, r, part{"table", "contacts"}, part{place, id})
	case r.takesFile():
		return n.form(t, r, part{"file:a.csv", "email\nx@y.z\n"}, part{place, id})
	case strings.Contains(r.path, "{"+place+"}"):
		return n.call(t, r, n.key, r.with(id))
	case r.method == http.MethodGet:
		return n.call(t, r, n.key, r.path+"?"+place+"="+id)
	default:
		outer, inner, _ := strings.Cut(place, ".")
		if _, err := strconv.Atoi(id); err != nil {
			id = strconv.Quote(id)
		}
		r.body = fmt.Sprintf(`{%q: {%q: %s}}`, outer, inner, id)
		return n.call(t, r, n.key, r.path)
	}
}

func (n tenant) form(t *testing.T, r route, parts ...part) response {
	t.Helper()
	body, contentType := form(t, parts...)
	return n.do(t, request{method: r.method, path: r.path, key: n.key, body: body, contentType: contentType})
}

func TestNoRouteReachesAnotherTenantsThings(t *testing.T) {
	t.Parallel()
	for name, rowSecurity := range map[string]bool{"with both walls": true, "with the statements' own predicates alone": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			if !rowSecurity {
				h.withoutRowSecurity(t)
			}
			victim, intruder := h.newTenant(t, "victim"), h.newTenant(t, "intruder")
			things := victim.furnish(t)
			before := victim.dump(t)
			checked := 0
			for _, r := range everyRoute(t) {
				for _, place := range r.places() {
					at := r.op.OperationID + "." + place
					expected, known := foreign[at]
					require.True(t, known, "%s: write down what it names", at)
					got := intruder.naming(t, r, place, things[expected.thing])
					require.Equal(t, expected.want, got.status, "%s: %s", at, got.body)
					if got.status == http.StatusOK {
						require.Empty(t, decoded[[]any](t, got), at)
					}
					things.notIn(t, at, got)
					checked++
				}
			}
			require.Equal(t, len(foreign), checked, "a line without its place")
			require.Equal(t, before, victim.dump(t), "nothing of the other tenant has changed")
			require.Empty(t, intruder.objects(t), "and nothing is left of what was refused")
		})
	}
}

// withoutRowSecurity takes the second wall away: what holds then holds by the statements' own predicates.
func (h *house) withoutRowSecurity(t *testing.T) {
	t.Helper()
	h.exec(t, `DO $$ DECLARE t regclass; BEGIN
		FOR t IN SELECT oid FROM pg_class WHERE relrowsecurity LOOP EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', t); END LOOP;
	END $$`)
}

// notIn checks that an answer gives none of the things away. What it was asked with is not among them: no answer repeats that.
func (b belongings) notIn(t *testing.T, at string, got response) {
	t.Helper()
	for name, id := range b {
		if len(id) == 36 {
			require.NotContains(t, got.body+got.header.Get("Location")+got.header.Get("Link"), id, "%s gives away the %s", at, name)
		}
	}
}

// lists are the routes that list what belongs to a tenant; shared those that answer every tenant the same.
var (
	lists  = []string{"listImporters", "listImports", "listWebhookDeliveries", "listExports", "listExportSchedules", "listRestores", "listJobs", "listAudit"}
	shared = []string{"listTables", "listQueues"}
)

func TestListsHoldNothingOfAnotherTenant(t *testing.T) {
	t.Parallel()
	for name, rowSecurity := range map[string]bool{"with both walls": true, "with the statements' own predicates alone": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			if !rowSecurity {
				h.withoutRowSecurity(t)
			}
			victim, other := h.newTenant(t, "victim"), h.newTenant(t, "other")
			things := victim.furnish(t)
			for _, r := range everyRoute(t) {
				answer := r.op.Responses.Value("200")
				if answer == nil || strings.Contains(r.path, "{") || !answer.Value.Content["application/json"].Schema.Value.Type.Is("array") || slices.Contains(shared, r.op.OperationID) {
					continue
				}
				require.Contains(t, lists, r.op.OperationID, "write down whose rows it lists")
				require.Empty(t, decoded[[]any](t, h.get(t, other.key, r.path)), r.op.OperationID)
				require.NotEmpty(t, decoded[[]any](t, h.get(t, victim.key, r.path)), r.op.OperationID)
				things.notIn(t, r.op.OperationID, h.get(t, other.key, r.path))
			}
		})
	}
}

// What keeps others out must let the owner in: the same requests, by the tenant itself.
func TestEveryRouteReachesOnesOwnThings(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for n, r := range everyRoute(t) {
		for m, place := range r.places() {
			expected := foreign[r.op.OperationID+"."+place]
			if expected.want != http.StatusNotFound {
				continue
			}
			own := h.newTenant(t, fmt.Sprintf("own-%d-%d", n, m))
			got := own.naming(t, r, place, own.furnish(t)[expected.thing])
			require.Contains(t, slices.Collect(maps.Keys(r.op.Responses.Map())), strconv.Itoa(got.status), "%s: %s", r.op.OperationID, got.body)
			require.Less(t, got.status, 400, "%s: %s", r.op.OperationID, got.body)
		}
	}
}

func TestOperatorSeesJobsOfAllAndRowsOfNone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a, b := h.newTenant(t, "a"), h.newTenant(t, "b")
	ofA, ofB := a.furnish(t), b.furnish(t)
	operator := h.newOperatorKey(t)
	require.Len(t, decoded[[]any](t, h.get(t, operator, "/api/v1/jobs")), 26)
	require.Len(t, decoded[[]any](t, h.get(t, operator, "/api/v1/jobs?tenant="+a.id.String())), 13)
	require.Equal(t, http.StatusOK, h.get(t, operator, "/api/v1/jobs/"+ofB["waiting job"]).status)
	require.Len(t, decoded[[]any](t, h.get(t, operator, "/api/v1/audit")), 20, "three starts of exports, four of restores, a schedule, and how two restores ended")
	require.Len(t, decoded[[]any](t, h.get(t, operator, "/api/v1/audit?tenant="+b.id.String())), 10)

	one := h.json(t, operator, http.MethodPost, "/api/v1/jobs/retry", `{"filter": {"state": "cancelled", "tenant": "`+a.id.String()+`"}}`)
	require.JSONEq(t, `{"retried": 3, "skipped": 0, "next": 0}`, one.body)
	require.Equal(t, "pending", decoded[map[string]any](t, a.get(t, a.key, "/api/v1/imports/"+ofA["cancelled import"]))["status"])
	require.Equal(t, "cancelled", decoded[map[string]any](t, b.get(t, b.key, "/api/v1/imports/"+ofB["cancelled import"]))["status"])
	for thing, path := range map[string]string{"importer": "/api/v1/importers/", "completed import": "/api/v1/imports/", "completed export": "/api/v1/exports/"} {
		require.Equal(t, http.StatusForbidden, h.get(t, operator, path+ofA[thing]).status)
	}
}
