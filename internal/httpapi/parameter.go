package httpapi

import (
	"net/url"
	"strconv"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"

	"wharf/internal/fault"
)

// checkParameters holds the values of path, query and header against the contract, before the generated decoder binds them: it
// would say what went wrong inside it, and knows neither limits nor enumerations. A query parameter that the contract
// does not know is ignored.
func checkParameters(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		var wrong []fault.Field
		query := c.QueryParams()
		for _, ref := range ruleOf(c).parameters {
			p := ref.Value
			values := query[p.Name]
			switch p.In {
			case openapi3.ParameterInPath:
				values = []string{pathValue(c, p.Name)}
			case openapi3.ParameterInHeader:
				values = c.Request().Header.Values(p.Name)
			}
			switch {
			case len(values) > 1:
				wrong = append(wrong, fault.Field{Field: p.Name, Message: "is given more than once"})
			case len(values) == 1:
				wrong = append(wrong, misfits(p.Schema.Value, parameterValue(p.Schema.Value, values[0]), p.Name)...)
			}
		}
		if wrong != nil {
			return fault.New(fault.Malformed, "a parameter of the request does not fit").WithFields(wrong...)
		}
		return next(c)
	}
}

// pathValue gives a parameter of the path as it was meant: Echo leaves it escaped where the path has escapes that count.
func pathValue(c echo.Context, name string) string {
	raw := c.Param(name)
	if c.Request().URL.RawPath == "" {
		return raw
	}
	if plain, err := url.PathUnescape(raw); err == nil {
		return plain
	}
	return raw
}

// parameterValue gives text as the JSON value that it stands for; text that stands for none stays a string, which does
// not fit then.
func parameterValue(schema *openapi3.Schema, text string) any {
	switch {
	case schema.Type.Is(openapi3.TypeInteger):
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	case schema.Type.Is(openapi3.TypeBoolean):
		if b, err := strconv.ParseBool(text); err == nil {
			return b
		}
	}
	return text
}
