package httpapi

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"

	"wharf/internal/fault"
)

// misfits names every place where a decoded JSON value does not fit its schema, e.g. {"fields[2].type", "must be one of …"}. at
// is the name of the value itself.
func misfits(schema *openapi3.Schema, value any, at string) []fault.Field {
	err := schema.VisitJSON(value, openapi3.MultiErrors(), openapi3.EnableFormatValidation(),
		openapi3.WithStringFormatValidator("uuid", openapi3.NewCallbackValidator(uuid.Validate)))
	found := describe(err, at)
	slices.SortStableFunc(found, func(a, b fault.Field) int { return cmp.Compare(a.Field, b.Field) })
	return slices.Compact(found)
}

func describe(err error, at string) []fault.Field {
	var many openapi3.MultiError
	var one *openapi3.SchemaError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &many):
		var found []fault.Field
		for _, e := range many {
			found = append(found, describe(e, at)...)
		}
		return found
	case !errors.As(err, &one):
		return []fault.Field{{Field: at, Message: err.Error()}}
	}
	place := join(at, one.JSONPointer()...)
	if one.SchemaField == "properties" {
		return unknownMembers(one, place)
	}
	return []fault.Field{{Field: place, Message: message(one)}}
}

// join spells a path as the importer's own checks do: fields[2].name.
func join(at string, path ...string) string {
	var b strings.Builder
	b.WriteString(at)
	for _, step := range path {
		switch _, err := strconv.Atoi(step); {
		case err == nil:
			b.WriteString("[" + step + "]")
		case b.Len() > 0:
			b.WriteString("." + step)
		default:
			b.WriteString(step)
		}
	}
	return b.String()
}

func unknownMembers(e *openapi3.SchemaError, place string) []fault.Field {
	object, _ := e.Value.(map[string]any)
	var found []fault.Field
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if e.Schema.Properties[name] == nil {
			found = append(found, fault.Field{Field: join(place, name), Message: "is not known"})
		}
	}
	return found
}

// message says what the schema asks for at the place of e.
func message(e *openapi3.SchemaError) string {
	s := e.Schema
	switch e.SchemaField {
	case "required":
		return "is required"
	case "type", "nullable":
		return "must be " + typeNames(s.Type.Slice())
	case "enum":
		return "must be one of " + strings.Join(named(s.Enum), ", ")
	case "minimum":
		return fmt.Sprintf("must be at least %v", *s.Min)
	case "maximum":
		return fmt.Sprintf("must be at most %v", *s.Max)
	case "minLength":
		return fmt.Sprintf("must have at least %d characters", s.MinLength)
	case "maxLength":
		return fmt.Sprintf("must have at most %d characters", *s.MaxLength)
	case "pattern":
		return "must match " + s.Pattern
	case "format":
		return "must be " + formatName(s.Format)
	default:
		return e.Reason
	}
}

// named gives the values of an enumeration that can be named: the empty one means "not given".
func named(values []any) []string {
	var out []string
	for _, v := range values {
		if v != "" {
			out = append(out, fmt.Sprint(v))
		}
	}
	return out
}

var typePhrases = map[string]string{
	openapi3.TypeString: "a string", openapi3.TypeNumber: "a number", openapi3.TypeInteger: "a whole number",
	openapi3.TypeBoolean: "true or false", openapi3.TypeArray: "an array", openapi3.TypeObject: "an object", openapi3.TypeNull: "null",
}

func typeNames(types []string) string {
	names := make([]string, 0, len(types))
	for _, t := range types {
		names = append(names, typePhrases[t])
	}
	return strings.Join(names, " or ")
}

func formatName(format string) string {
	switch format {
	case "uuid":
		return "a UUID"
	case "date-time":
		return "a date and time such as 2006-01-02T15:04:05Z"
	case "int64":
		return "a whole number that fits into 64 bits"
	default:
		return "of the format " + format
	}
}
