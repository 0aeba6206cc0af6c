package httpapi

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"

	"wharf/internal/tenancy"
)

// rule is what the contract says of one operation.
type rule struct {
	operation  string
	public     bool                 // asks for no credential
	scopes     []tenancy.Permission // the caller needs all of them
	parameters openapi3.Parameters  // of path, query and header
	body       *openapi3.Schema     // of a JSON body; nil: the route reads none
	upload     bool                 // takes multipart/form-data
	idempotent bool                 // takes an Idempotency-Key
	embed      bool                 // x-embed: open to embed tokens
	secret     bool                 // x-secret: the answer holds a secret, and is never stored
	document   bool                 // x-document: the JSON body is read as a stream
}

// contract holds the rules by method and Echo's spelling of the path, e.g. "GET /api/v1/imports/:id".
type contract map[string]rule

// readContract gives the rules of every operation. It fails on a security requirement that gate would not understand.
func readContract(spec *openapi3.T) (contract, error) {
	out := contract{}
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			r := rule{operation: op.OperationID, parameters: slices.Concat(item.Parameters, op.Parameters)}
			if err := r.readSecurity(spec, op); err != nil {
				return nil, err
			}
			r.readBody(op)
			r.idempotent = r.parameters.GetByInAndName(openapi3.ParameterInHeader, keyHeader) != nil
			r.embed = op.Extensions["x-embed"] == true
			r.secret = op.Extensions["x-secret"] == true
			r.document = op.Extensions["x-document"] == true
			out[method+" "+echoPath(path)] = r
		}
	}
	return out, nil
}

func (r *rule) readSecurity(spec *openapi3.T, op *openapi3.Operation) error {
	security := spec.Security
	if op.Security != nil {
		security = *op.Security
	}
	if len(security) == 0 {
		r.public = true
		return nil
	}
	scopes, bearer := security[0]["bearer"]
	if len(security) > 1 || len(security[0]) > 1 || !bearer {
		return fmt.Errorf("httpapi: openapi: %s: security is one bearer requirement or none", r.operation)
	}
	for _, s := range scopes {
		if !slices.Contains(tenancy.Permissions(), tenancy.Permission(s)) {
			return fmt.Errorf("httpapi: openapi: %s: there is no permission %q", r.operation, s)
		}
		r.scopes = append(r.scopes, tenancy.Permission(s))
	}
	return nil
}

func (r *rule) readBody(op *openapi3.Operation) {
	if op.RequestBody == nil {
		return
	}
	content := op.RequestBody.Value.Content
	r.upload = content[echo.MIMEMultipartForm] != nil
	if media := content[echo.MIMEApplicationJSON]; media != nil && media.Schema != nil {
		r.body = media.Schema.Value
	}
}

func echoPath(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}

// covers returns an error that names a route which the contract does not know: gate would have no rule for it.
func (c contract) covers(routes []*echo.Route) error {
	for _, route := range routes {
		if _, ok := c[route.Method+" "+route.Path]; !ok {
			return fmt.Errorf("httpapi: openapi does not know the route %s %s", route.Method, route.Path)
		}
	}
	return nil
}

const ruleKey = "rule"

// match finds the rule of the route that Echo chose. An unknown route has none; its handler answers 404 or 405.
func (s *Server) match(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Set(ruleKey, s.contract[c.Request().Method+" "+c.Path()])
		return next(c)
	}
}

// ruleOf gives the rule of the request's route; the zero rule, without an operation, for an unknown route.
func ruleOf(c echo.Context) rule {
	r, _ := c.Get(ruleKey).(rule)
	return r
}

// publicDocument gives the contract as clients see it: without the hints for the code generator.
func publicDocument() (map[string]any, error) {
	raw, err := GetSpecJSON()
	if err != nil {
		return nil, fmt.Errorf("httpapi: read openapi: %w", err)
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("httpapi: decode openapi: %w", err)
	}
	stripHints(doc)
	return doc, nil
}

func stripHints(node any) {
	switch node := node.(type) {
	case map[string]any:
		for key, value := range node {
			if strings.HasPrefix(key, "x-go-") {
				delete(node, key)
				continue
			}
			stripHints(value)
		}
	case []any:
		for _, value := range node {
			stripHints(value)
		}
	}
}
