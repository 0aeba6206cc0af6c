package importer

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A secret stands in no answer, whatever is wrong with it: not in values, not in messages.
func TestASecretCellIsNeverEchoed(t *testing.T) {
	t.Parallel()
	const secret = "s3cret-1,234-03/04/05"
	long := strings.Repeat(secret, 20)
	for name, c := range map[string]struct{ field, cell string }{
		"straight into the table": {"", long},
		"too long for a rule":     {`"type": "text", "validators": [{"type": "max_length", "value": 3}]`, secret},
		"not of a pattern":        {`"type": "custom_regex", "validators": [{"type": "regex", "pattern": "^x$"}]`, secret},
		"no number":               {`"type": "number"`, secret},
		"an unclear number":       {`"type": "number"`, "1,234"},
		"no date":                 {`"type": "date"`, secret},
		"an unclear date":         {`"type": "date"`, "03/04/2005"},
		"an unclear normal date":  {`"type": "text", "transformations": [{"type": "normalize_date"}]`, "03/04/2005"},
		"no option":               {`"type": "select", "options": ["a"]`, secret},
		"no address":              {`"type": "email"`, secret},
		"no phone":                {`"type": "phone"`, secret},
		"no boolean":              {`"type": "boolean"`, secret},
		"twice in the file":       {`"type": "text", "validators": [{"type": "unique"}]`, secret},
		"too long for its column": {`"type": "text"`, long},
	} {
		for _, mode := range []string{ModeCommit, ModeReview} {
			t.Run(name+" "+mode, func(t *testing.T) {
				t.Parallel()
				h := newHouse(t)
				req := Request{Table: "webhooks", Mode: mode}
				if c.field != "" {
					imp := h.importer(t, `{"name": "W", "destination": {"kind": "table", "table": "webhooks"}, "fields": [
						{"name": "name", "type": "text"}, {"name": "url", "type": "text"}, {"name": "secret", `+c.field+`}]}`)
					req = Request{ImporterID: &imp.ID, Mode: mode}
				}
				file := "name,url,secret\na,https://a.example,\"" + c.cell + "\"\nb,https://b.example,\"" + c.cell + "\"\n"
				preview := req
				preview.Mode = ""
				for _, row := range h.preview(t, preview, file).Rows {
					for _, e := range row.Errors {
						require.Empty(t, e.Value)
						require.NotContains(t, e.Message, c.cell)
					}
				}
				id := h.upload(t, req, file)
				got := h.run(t, id)
				if mode == ModeCommit {
					require.NotEmpty(t, got.Errors)
				}
				for _, e := range got.Errors {
					require.Equal(t, "secret", e.Field)
					require.Empty(t, e.Value)
					require.NotContains(t, e.Message, c.cell)
				}
				rows, err := h.Rows(context.Background(), h.p, id, "invalid", 0, 10)
				if mode == ModeReview {
					require.NoError(t, err)
					for _, row := range rows {
						doc, err := json.Marshal(row.Errors)
						require.NoError(t, err)
						require.NotContains(t, string(doc), c.cell)
					}
				}
			})
		}
	}
}
