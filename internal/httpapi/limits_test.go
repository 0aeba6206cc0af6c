package httpapi_test

import (
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"wharf/internal/app"
	"wharf/internal/auth"
	"wharf/internal/config"
	"wharf/internal/httpapi"
	"wharf/internal/testenv"
)

// strict gives a house with these limits.
func strict(t *testing.T, rates config.Rates) *house {
	t.Helper()
	const many = 1_000_000
	for _, n := range []*int{&rates.ExportStarts, &rates.ImportStarts, &rates.RestoreStarts, &rates.UploadStarts, &rates.Requests, &rates.Failures} {
		if *n == 0 {
			*n = many
		}
	}
	return newHouse(t, func(cfg *httpapi.Config) { cfg.Rates = app.Rates(rates) })
}

// pass has every limit stand as if the time had passed.
func (h *house) pass(t *testing.T, d time.Duration) {
	t.Helper()
	h.exec(t, `UPDATE wharf.rate_limits SET tat = tat - $1::interval`, d)
}

func (n tenant) start(t *testing.T) response {
	t.Helper()
	return n.json(t, n.key, http.MethodPost, "/api/v1/exports", `{}`)
}

func (r response) number(t *testing.T, header string) int {
	t.Helper()
	n, err := strconv.Atoi(r.header.Get(header))
	require.NoError(t, err, header)
	return n
}

func TestThreeExportStartsAMinuteOverAllReplicas(t *testing.T) {
	t.Parallel()
	h := strict(t, config.Rates{ExportStarts: 3})
	n, other := h.newTenant(t, "acme"), h.newTenant(t, "other")
	elsewhere := n
	elsewhere.house = h.twin(t)
	for i, at := range []tenant{n, elsewhere, n} {
		got := at.start(t)
		require.Equal(t, http.StatusAccepted, got.status, got.body)
		require.Equal(t, []int{3, 2 - i}, []int{got.number(t, "RateLimit-Limit"), got.number(t, "RateLimit-Remaining")})
		require.InDelta(t, 20*(i+1), got.number(t, "RateLimit-Reset"), 5)
	}
	for _, at := range []tenant{n, elsewhere} {
		got := at.start(t)
		require.Equal(t, http.StatusTooManyRequests, got.status)
		require.Equal(t, "Too Many Requests", got.problem(t).Title)
		require.Equal(t, "Too many requests", got.problem(t).Detail)
		require.InDelta(t, 20, got.number(t, "Retry-After"), 5)
		require.Zero(t, got.number(t, "RateLimit-Remaining"))
	}
	require.Equal(t, http.StatusAccepted, other.start(t).status, "another tenant")
	wait := elsewhere.start(t).number(t, "Retry-After")
	h.pass(t, time.Duration(wait)*time.Second)
	require.Equal(t, http.StatusAccepted, elsewhere.start(t).status, "Retry-After is true")
	require.Equal(t, http.StatusTooManyRequests, n.start(t).status)
	require.Equal(t, 4, scan[int](t, h, `SELECT count(*) FROM wharf.exports WHERE tenant_id = $1`, n.id))
	require.Equal(t, 4, scan[int](t, h, `SELECT count(*) FROM wharf.audit_log WHERE tenant_id = $1 AND action = 'export.start'
		AND outcome = 'limited' AND scope = '{"role": "owner"}' AND actor LIKE 'key:%' AND request_id <> ''`, n.id))
}

func TestBurstOfExportStartsLetsThreeIn(t *testing.T) {
	t.Parallel()
	h := strict(t, config.Rates{ExportStarts: 3})
	n := h.newTenant(t, "acme")
	elsewhere := n
	elsewhere.house = h.twin(t)
	statuses := make([]int, 24)
	var all sync.WaitGroup
	for i := range statuses {
		at := []tenant{n, elsewhere}[i%2]
		all.Go(func() { statuses[i] = at.start(t).status })
	}
	all.Wait()
	counts := map[int]int{}
	for _, s := range statuses {
		counts[s]++
	}
	require.Equal(t, map[int]int{202: 3, 429: 21}, counts)
}

func TestExportThatIsRetriedIsAStart(t *testing.T) {
	t.Parallel()
	h := strict(t, config.Rates{ExportStarts: 2})
	n := h.newTenant(t, "acme")
	path := n.start(t).header.Get("Location")
	require.Equal(t, http.StatusAccepted, n.json(t, n.key, http.MethodPost, path+"/cancel", "").status)
	require.Equal(t, http.StatusAccepted, n.json(t, n.key, http.MethodPost, path+"/retry", "").status)
	require.Equal(t, http.StatusAccepted, n.json(t, n.key, http.MethodPost, path+"/cancel", "").status)
	require.Equal(t, http.StatusTooManyRequests, n.json(t, n.key, http.MethodPost, path+"/retry", "").status)
	require.Equal(t, 1, scan[int](t, h, `SELECT count(*) FROM wharf.audit_log WHERE outcome = 'limited' AND scope ->> 'export_id' IS NOT NULL`))
}

func TestAnswerThatIsGivenAgainIsNoStart(t *testing.T) {
	t.Parallel()
	h := strict(t, config.Rates{ExportStarts: 1})
	n := h.newTenant(t, "acme")
	require.Equal(t, http.StatusAccepted, n.keyed(t, "k", "/api/v1/exports", `{}`).status)
	require.Equal(t, http.StatusAccepted, n.keyed(t, "k", "/api/v1/exports", `{}`).status)
	require.Equal(t, http.StatusTooManyRequests, n.keyed(t, "l", "/api/v1/exports", `{}`).status)
	h.pass(t, time.Minute)
	require.Equal(t, http.StatusAccepted, n.keyed(t, "l", "/api/v1/exports", `{}`).status, "the key of what was refused is free")
}

func TestImportsAndUploadsHaveLimitsOfTheirOwn(t *testing.T) {
	t.Parallel()
	h := strict(t, config.Rates{ImportStarts: 1, UploadStarts: 1})
	n := h.newTenant(t, "acme")
	imported := func() int {
		return n.upload(t, n.key, part{"file:a.csv", "external_id\n1\n"}, part{"table", "contacts"}).status
	}
	announced := func() int {
		return n.json(t, n.key, http.MethodPost, "/api/v1/uploads", `{"name": "a.csv", "bytes": 5}`).status
	}
	require.Equal(t, []int{202, 429}, []int{imported(), imported()})
	require.Equal(t, []int{201, 429}, []int{announced(), announced()})
	body, contentType := form(t, part{"file:a.csv", "external_id\n1\n"}, part{"table", "contacts"})
	preview := h.do(t, request{method: http.MethodPost, path: "/api/v1/imports/preview", key: n.key, body: body, contentType: contentType})
	require.Equal(t, 429, preview.status, "a preview stores a file")
	require.Equal(t, 200, n.get(t, n.key, "/api/v1/imports").status, "reading goes on")
	require.Len(t, n.objects(t), 1)
}

func TestRestoresHaveALimitOfTheirOwn(t *testing.T) {
	t.Parallel()
	h := strict(t, config.Rates{RestoreStarts: 2})
	n := h.newTenant(t, "acme")
	file := part{"file:a.json", `{"schema_version": 1}`}
	first := n.restore(t, file)
	require.Equal(t, http.StatusAccepted, first.status, first.body)
	require.Equal(t, http.StatusOK, n.merge(t, `{"doc": {"schema_version": 1}}`).status)
	require.Equal(t, http.StatusTooManyRequests, n.restore(t, file).status)
	require.Equal(t, http.StatusTooManyRequests, n.merge(t, `{"doc": {"schema_version": 1}}`).status)
	retried := n.json(t, n.key, http.MethodPost, first.header.Get("Location")+"/retry", "")
	require.Equal(t, http.StatusTooManyRequests, retried.status)
	require.Equal(t, http.StatusOK, n.get(t, n.key, "/api/v1/restores").status, "reading goes on")
	require.Equal(t, 3, scan[int](t, h, `SELECT count(*) FROM wharf.audit_log WHERE tenant_id = $1 AND action = 'restore' AND outcome = 'limited'`, n.id))
}

func TestKeyHasItsRequests(t *testing.T) {
	t.Parallel()
	h := strict(t, config.Rates{Requests: 2})
	n := h.newTenant(t, "acme")
	same := n.makeKey(t, auth.KeySpec{Tenant: n.id, Name: "other", Role: "owner"})
	for left := range 2 {
		got := n.get(t, n.key, "/api/v1/exports")
		require.Equal(t, http.StatusOK, got.status)
		require.Equal(t, []int{2, 1 - left}, []int{got.number(t, "RateLimit-Limit"), got.number(t, "RateLimit-Remaining")})
	}
	got := n.get(t, n.key, "/api/v1/exports")
	require.Equal(t, http.StatusTooManyRequests, got.status)
	require.InDelta(t, 30, got.number(t, "Retry-After"), 5)
	require.Equal(t, http.StatusOK, n.get(t, same, "/api/v1/exports").status, "another key of the tenant")

	id := uuid.NewString()
	require.Equal(t, http.StatusTooManyRequests, n.get(t, n.key, "/api/v1/exports/"+id+"/download").status)
	require.Equal(t, "export.download limited "+id, scan[string](t, h, `SELECT action || ' ' || outcome || ' ' || (scope ->> 'export_id') FROM wharf.audit_log`))
}

func TestAddressHasItsFailures(t *testing.T) {
	t.Parallel()
	h := strict(t, config.Rates{Failures: 2})
	n := h.newTenant(t, "acme")
	unknown, _, _ := auth.NewKey()
	statuses := []int{}
	for _, key := range []string{"whf_garbage", unknown, n.key[:len(n.key)-1] + "!", unknown, ""} {
		statuses = append(statuses, h.get(t, key, "/api/v1/me").status)
	}
	require.Equal(t, []int{401, 401, 429, 429, 401}, statuses, "what shows no credential guesses none")
	got := h.get(t, unknown, "/api/v1/me")
	require.InDelta(t, 30, got.number(t, "Retry-After"), 5)
	require.Empty(t, got.header.Get("WWW-Authenticate"))
	require.Equal(t, http.StatusOK, n.get(t, n.key, "/api/v1/me").status, "a good key behind the same address")
}

func TestOperatorSetsATenantsLimits(t *testing.T) {
	t.Parallel()
	h := strict(t, config.Rates{ExportStarts: 1, ImportStarts: 120, RestoreStarts: 30, UploadStarts: 120, Requests: 600})
	n, operator := h.newTenant(t, "acme"), h.newOperatorKey(t)
	path := "/api/v1/tenants/" + n.id.String() + "/limits"
	const rest = `"import_starts_per_minute": 120, "restore_starts_per_minute": 30, "upload_starts_per_minute": 120, "tenant_id": "`
	require.JSONEq(t, `{`+rest+n.id.String()+`", "export_starts_per_minute": 1, "requests_per_minute": 600, "overridden": []}`, h.get(t, operator, path).body)
	require.Equal(t, []int{202, 429}, []int{n.start(t).status, n.start(t).status})

	set := h.json(t, operator, http.MethodPut, path, `{"export_starts_per_minute": 4, "requests_per_minute": 900, "import_starts_per_minute": null}`)
	require.Equal(t, http.StatusOK, set.status, set.body)
	want := `{` + rest + n.id.String() + `", "export_starts_per_minute": 4, "requests_per_minute": 900, "overridden": ["export_starts_per_minute", "requests_per_minute"]}`
	require.JSONEq(t, want, set.body)
	require.JSONEq(t, want, h.get(t, operator, path).body)
	started := n.start(t)
	require.Equal(t, http.StatusAccepted, started.status)
	require.Equal(t, 4, started.number(t, "RateLimit-Limit"))
	require.Equal(t, 900, n.get(t, n.key, "/api/v1/exports").number(t, "RateLimit-Limit"))
	require.JSONEq(t, `{"export_starts": 4, "requests": 900}`,
		scan[string](t, h, `SELECT scope::text FROM wharf.audit_log WHERE tenant_id = $1 AND action = 'limits.set' AND outcome = 'done'`, n.id))

	require.Equal(t, http.StatusNotFound, h.json(t, operator, http.MethodPut, "/api/v1/tenants/"+uuid.NewString()+"/limits", `{}`).status)
	require.Equal(t, http.StatusNotFound, h.get(t, operator, "/api/v1/tenants/"+uuid.NewString()+"/limits").status)
	for _, wrong := range []string{`{"export_starts_per_minute": 0}`, `{"exports": 4}`, `{"export_starts_per_minute": 1.5}`} {
		require.Equal(t, http.StatusUnprocessableEntity, h.json(t, operator, http.MethodPut, path, wrong).status, wrong)
	}
	require.Equal(t, http.StatusForbidden, n.json(t, n.key, http.MethodPut, path, `{}`).status)
}

// Who only reads must not be kept out because a limit cannot be asked; who starts an export must.
func TestWithoutItsLimitsTheAPIReadsAndStartsNothing(t *testing.T) {
	t.Parallel()
	h := strict(t, config.Rates{})
	n := h.newTenant(t, "acme")
	h.exec(t, `REVOKE EXECUTE ON FUNCTION wharf.take_limit, wharf.take_key_limit FROM `+testenv.ServiceRole)
	unknown, _, _ := auth.NewKey()
	require.Equal(t, http.StatusOK, n.get(t, n.key, "/api/v1/exports").status)
	require.Equal(t, http.StatusUnauthorized, n.get(t, unknown, "/api/v1/exports").status)
	require.Equal(t, http.StatusServiceUnavailable, n.start(t).status)
	require.Zero(t, scan[int](t, h, `SELECT count(*) FROM wharf.exports`))
}
