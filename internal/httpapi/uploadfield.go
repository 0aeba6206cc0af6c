package httpapi

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"wharf/internal/importer"
)

// setField takes one field of an upload's form; the error says what the field accepts. An empty field, which browsers send
// for what nobody filled in, counts as not given.
func setField(r *importer.Request, name, value string) (err error) {
	set, known := formFields[name]
	if !known {
		return errors.New("is not known")
	}
	if name != "delimiter" { // a tab, a space
		value = strings.TrimSpace(value)
	}
	if value == "" {
		return nil
	}
	return set(r, value)
}

var formFields = map[string]func(r *importer.Request, value string) error{
	"upload_id": func(r *importer.Request, value string) error {
		id, err := uuid.Parse(value)
		r.Upload = &id
		return orSay(err, "must be a UUID")
	},
	"importer_id": func(r *importer.Request, value string) error {
		id, err := uuid.Parse(value)
		r.ImporterID = &id
		return orSay(err, "must be a UUID")
	},
	"table": func(r *importer.Request, value string) error { r.Table = value; return nil },
	"mapping": func(r *importer.Request, value string) error {
		err := json.Unmarshal([]byte(value), &r.Mapping)
		return orSay(err, `must be JSON of the form {"file header": "field name"}; null ignores a column`)
	},
	"mode": func(r *importer.Request, value string) error {
		return choice(&r.Mode, value, importer.ModeCommit, importer.ModeDryRun, importer.ModeReview)
	},
	"sheet": func(r *importer.Request, value string) error { r.Options.Sheet = value; return nil },
	"match": func(r *importer.Request, value string) error { return keyList(&r.Match, value) },
	"write": func(r *importer.Request, value string) error {
		return choice(&r.Write, value, "upsert", "insert", "update")
	},
	"blank":                   func(r *importer.Request, value string) error { return choice(&r.Blank, value, "keep", "clear") },
	"on_duplicate":            func(r *importer.Request, value string) error { return choice(&r.Duplicate, value, "error", "last") },
	"encoding":                func(r *importer.Request, value string) error { r.Options.Encoding = value; return nil },
	"delimiter":               func(r *importer.Request, value string) error { r.Options.Delimiter = value; return nil },
	"header_row":              func(r *importer.Request, value string) error { return rowNumber(&r.Options.HeaderRow, value) },
	"filter_invalid_rows":     func(r *importer.Request, value string) error { return boolean(&r.Filter, value) },
	"disable_on_invalid_rows": func(r *importer.Request, value string) error { return boolean(&r.Disable, value) },
}

// orSay gives an error in words for the caller in place of err.
func orSay(err error, words string) error {
	if err != nil {
		return errors.New(words)
	}
	return nil
}

func keyList(dst *[]string, value string) error {
	if !strings.HasPrefix(value, "[") {
		*dst = []string{value}
		return nil
	}
	return orSay(json.Unmarshal([]byte(value), dst), `must be one key, or a JSON array of them: ["external_id", "lower(email)"]`)
}

func choice(dst *string, value string, of ...string) error {
	if !slices.Contains(of, value) {
		return errors.New("must be one of " + strings.Join(of, ", "))
	}
	*dst = value
	return nil
}

func rowNumber(dst *int, value string) (err error) {
	if *dst, err = strconv.Atoi(value); err != nil || *dst < 1 {
		return errors.New("must be a row number, 1 or more")
	}
	return nil
}

func boolean(dst **bool, value string) error {
	b, err := strconv.ParseBool(value)
	*dst = &b
	return orSay(err, "must be true or false")
}
