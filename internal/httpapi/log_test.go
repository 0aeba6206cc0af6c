package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/auth"
	"wharf/internal/httpapi"
)

// Everything that a request can carry is planted: good and bad credentials, a file's content, form fields, bodies, queries,
// ids in paths, and the links that are answered. The walk is done twice, the second time with every table out of reach, so that
// errors of ours are logged with their causes. newHouse looks for what was planted when the test ends.
func TestLogHoldsNothingOfWhatRequestsCarry(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(cfg *httpapi.Config) { cfg.UploadBytes = 4096 })
	n := h.newTenant(t, "acme")
	things := n.furnish(t)
	plant := h.log.plant
	stranger, _, _ := auth.NewKey()
	stranger = plant(stranger)
	row := plant("secret-row@example.com")
	for _, broken := range []bool{false, true} {
		if broken {
			h.exec(t, `REVOKE SELECT ON ALL TABLES IN SCHEMA wharf, river FROM wharf_service`)
		}
		for _, r := range everyRoute(t) {
			for _, key := range []string{n.key, stranger, plant("whf_garbage-in-the-header")} {
				h.call(t, r, key, r.anything()+"?after="+plant("planted-in-the-query")+"&colour="+plant("planted-too"))
				h.call(t, r, key, r.anything())
			}
		}
		for thing, path := range map[string]string{"completed export": "/api/v1/exports/%/download", "completed import": "/api/v1/imports/%/result"} {
			got := h.get(t, n.key, strings.Replace(path, "%", things[thing], 1))
			if link := got.header.Get("Location"); link != "" {
				_, signature, _ := strings.Cut(link, "X-Amz-Signature=")
				plant(signature)
				plant("X-Amz")
			}
		}
		id := part{"importer_id", things["importer"]}
		for _, parts := range [][]part{
			{id, {"file:a.csv", "email\n" + row}},
			{id, {"file:a.csv", strings.Repeat(row, 1000)}},
			{id, {"file:a.csv", row}, {"mapping", plant("planted-mapping")}},
			{id, {"file:a.csv", row}, {plant("planted-field"), row}},
		} {
			n.upload(t, n.key, parts...)
		}
		for _, body := range []string{`{"name": "` + plant("planted-body") + `"}`, `{"planted-body": 1}`, `{"planted-body"`} {
			n.json(t, n.key, http.MethodPost, "/api/v1/importers", body)
		}
		h.get(t, n.key, "/api/v1/imports/"+plant("planted-in-the-path"))
		h.get(t, n.key, "/"+plant("planted-path"))
	}
	require.Greater(t, len(h.log.lines(`"msg":"request"`)), 300, "the log was written")
	require.NotEmpty(t, h.log.lines("request failed", "permission denied"), "and the causes of failures are in it")
}
