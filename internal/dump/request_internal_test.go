package dump

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestARequestMayHaveItsKeysInAnyOrder(t *testing.T) {
	t.Parallel()
	y := newYard(t, "")
	inner := doc(`"contacts": [{"email": "a"}]`)
	for _, c := range []struct {
		body           string
		dryRun, verify bool
	}{
		{`{"doc": ` + inner + `}`, false, false},
		{`{"dry_run": true, "doc": ` + inner + `, "verify": true}`, true, true},
		{`{"verify": false, "doc": ` + inner + `, "dry_run": true}`, true, false},
		{`{"dry_run": null, "doc": ` + inner + `}`, false, false},
	} {
		r := Request(strings.NewReader(c.body), Limits{})
		d := y.read(t, r)
		require.Equal(t, "a", d.rows["contacts"][0][".email"])
		require.Equal(t, c.dryRun, r.DryRun())
		require.Equal(t, c.verify, d.head.verify)
		require.Empty(t, d.warnings)
	}
	d := y.read(t, Request(strings.NewReader(`{"mode": {"x": []}, "doc": `+inner+`}`), Limits{}))
	require.Equal(t, []string{"the request's mode is unknown: it was left out"}, d.warnings)
}

func TestARequestThatIsWrongIsRefused(t *testing.T) {
	t.Parallel()
	y := newYard(t, "")
	inner := doc(`"contacts": []`)
	for body, want := range map[string]string{
		inner:                                  "the body has no doc",
		`{"dry_run": true}`:                    "the body has no doc",
		`[]`:                                   "the body is not an object",
		`{"doc": []}`:                          "the document is not an object",
		`{"doc": null}`:                        "the document is not an object",
		`{"doc": {}}`:                          "the document has no schema_version",
		`{"doc": ` + inner + `, "doc": {}}`:    "the body has doc twice",
		`{"doc": ` + inner + `, "dry_run": 1}`: "dry_run is neither true nor false: 1",
		`{"doc": ` + inner + `} x`:             "there is something behind the end of the document",
		`{"doc": ` + inner:                     "cut short",
	} {
		_, err := y.stage(y.spec(), Request(strings.NewReader(body), Limits{}), nil)
		require.ErrorContains(t, err, want, body)
	}
}
