package httpapi

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
)

func theSpec(t *testing.T) *openapi3.T {
	t.Helper()
	spec, err := GetSpec()
	require.NoError(t, err)
	return spec
}

func TestGeneratedCodeIsThatOfTheContract(t *testing.T) {
	t.Parallel()
	written, err := openapi3.NewLoader().LoadFromFile("openapi.yaml")
	require.NoError(t, err)
	require.NoError(t, written.Validate(t.Context()))
	want, err := json.Marshal(written)
	require.NoError(t, err)
	got, err := json.Marshal(theSpec(t))
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(got), "openapi.yaml was changed: run go generate")
}

func TestContractSaysOfEachRouteWhoMayAndWhatItTakes(t *testing.T) {
	t.Parallel()
	rules, err := readContract(theSpec(t))
	require.NoError(t, err)
	upload := rules["POST /api/v1/imports"]
	require.True(t, upload.upload)
	require.NotNil(t, upload.body, "an upload that was sent before")
	export := rules["POST /api/v1/exports"]
	require.NotNil(t, export.body)
	require.False(t, export.upload)
	require.Equal(t, "exports:write", string(export.scopes[0]))
	require.True(t, rules["GET /livez"].public)
	me := rules["GET /api/v1/me"]
	require.False(t, me.public, "the default asks for a credential")
	require.Empty(t, me.scopes)
	require.Len(t, rules["GET /api/v1/imports/:id"].parameters, 1, "those of the path count")
}

func TestSecurityThatTheGateWouldMisreadIsRefused(t *testing.T) {
	t.Parallel()
	for name, security := range map[string]openapi3.SecurityRequirements{
		"a misspelt permission": {{"bearer": {"import:write"}}},
		"one of two":            {{"bearer": {}}, {"cookie": {}}},
		"two at once":           {{"bearer": {}, "cookie": {}}},
		"another scheme":        {{"cookie": {}}},
		"optional":              {{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := theSpec(t)
			spec.Paths.Find("/api/v1/importers").Get.Security = &security
			_, err := readContract(spec)
			require.ErrorContains(t, err, "listImporters")
		})
	}
}

func TestRouteThatTheContractDoesNotKnowIsRefused(t *testing.T) {
	t.Parallel()
	rules, err := readContract(theSpec(t))
	require.NoError(t, err)
	e := echo.New()
	e.GET("/livez", echo.NotFoundHandler)
	require.NoError(t, rules.covers(e.Routes()))
	e.DELETE("/livez", echo.NotFoundHandler)
	require.ErrorContains(t, rules.covers(e.Routes()), "DELETE /livez")
}

func TestPublicDocumentHoldsTheContractWithoutHintsForTheGenerator(t *testing.T) {
	t.Parallel()
	doc, err := publicDocument()
	require.NoError(t, err)
	text, err := json.Marshal(doc)
	require.NoError(t, err)
	require.NotContains(t, string(text), "x-go-")
	require.NotContains(t, string(text), "wharf/internal")
	read, err := openapi3.NewLoader().LoadFromData(text)
	require.NoError(t, err)
	require.Equal(t, slices.Sorted(maps.Keys(theSpec(t).Paths.Map())), slices.Sorted(maps.Keys(read.Paths.Map())))
}

// A JSON body's own object takes no member that it does not name; an inner one either, or the room that reads it says so.
func TestEveryJSONBodyIsClosed(t *testing.T) {
	t.Parallel()
	rules, err := readContract(theSpec(t))
	require.NoError(t, err)
	for route, r := range rules {
		if r.body != nil && r.operation != "amendImportRow" { // whose members are the import's fields
			require.NotNil(t, r.body.AdditionalProperties.Has, route)
			require.False(t, *r.body.AdditionalProperties.Has, route)
		}
	}
}

func TestUploadTakesTheFieldsOfTheContract(t *testing.T) {
	t.Parallel()
	kinds := theSpec(t).Paths.Find("/api/v1/imports").Post.RequestBody.Value.Content
	known := slices.Collect(maps.Keys(formFields))
	for _, kind := range []string{echo.MIMEApplicationJSON, echo.MIMEApplicationForm} {
		require.ElementsMatch(t, slices.Collect(maps.Keys(kinds[kind].Schema.Value.Properties)), known)
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(kinds[echo.MIMEMultipartForm].Schema.Value.Properties)), append(known, "file"))
}

// What the audit log must hold is found in the contract: what starts an export, and what answers with a signed link.
func TestRefusalOfDataIsAudited(t *testing.T) {
	t.Parallel()
	operations := map[string]bool{}
	for path, item := range theSpec(t).Paths.Map() {
		for method, op := range item.Operations() {
			operations[op.OperationID] = true
			link := op.Responses.Value("302") != nil
			starts := method == http.MethodPost && strings.HasSuffix(path, "/exports")
			if link || starts {
				require.Contains(t, audited, op.OperationID)
			}
		}
	}
	for operation := range audited {
		require.Contains(t, operations, operation)
	}
}

func TestEveryPostThatCreatesTakesAnIdempotencyKey(t *testing.T) {
	t.Parallel()
	rules, err := readContract(theSpec(t))
	require.NoError(t, err)
	for path, item := range theSpec(t).Paths.Map() {
		for method, op := range item.Operations() {
			accepted := op.Responses.Value("202")
			creates := method == http.MethodPost && (op.Responses.Value("201") != nil || accepted != nil && accepted.Value.Headers["Location"] != nil)
			require.Equal(t, creates, rules[method+" "+echoPath(path)].idempotent, op.OperationID)
		}
	}
}

// An answer that holds what nobody may keep says so in the contract.
func TestEveryAnswerWithASecretIsMarked(t *testing.T) {
	t.Parallel()
	rules, err := readContract(theSpec(t))
	require.NoError(t, err)
	for path, item := range theSpec(t).Paths.Map() {
		if item.Post == nil || !rules["POST "+echoPath(path)].idempotent {
			continue
		}
		created := cmp.Or(item.Post.Responses.Value("201"), item.Post.Responses.Value("202"))
		properties := created.Value.Content[echo.MIMEApplicationJSON].Schema.Value.Properties
		holds := properties["url"] != nil || properties["token"] != nil || properties["key"] != nil && properties["prefix"] != nil || properties["secret"] != nil ||
			properties["webhook_secret"] != nil
		require.Equal(t, holds, rules["POST "+echoPath(path)].secret, path)
	}
}
