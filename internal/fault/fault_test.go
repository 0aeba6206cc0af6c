package fault_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
)

var errCause = errors.New("dial 10.0.0.7: refused")

func TestCauseIsForTheLogAlone(t *testing.T) {
	t.Parallel()
	err := fault.Wrap(errCause, fault.Unavailable, "the database is away")
	require.Equal(t, "the database is away", err.Message)
	require.ErrorContains(t, err, "10.0.0.7")
	require.ErrorIs(t, err, errCause)
}

func TestCodeIsFoundThroughWrapping(t *testing.T) {
	t.Parallel()
	coded := fault.New(fault.NotFound, "import not found")
	for name, c := range map[string]struct {
		err  error
		want fault.Code
	}{
		"itself":                {coded, fault.NotFound},
		"wrapped":               {fmt.Errorf("importer: show: %w", coded), fault.NotFound},
		"joined":                {errors.Join(errCause, coded), fault.NotFound},
		"outer before inner":    {fault.Wrap(coded, fault.Conflict, "no longer there"), fault.Conflict},
		"without a code":        {errCause, fault.Internal},
		"a cause has no say":    {fault.Wrap(errCause, fault.Invalid, "wrong"), fault.Invalid},
		"nil, which is no case": {nil, fault.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, fault.CodeOf(c.err))
		})
	}
}

func TestFieldsAreAddedToACopy(t *testing.T) {
	t.Parallel()
	plain := fault.New(fault.Invalid, "does not fit")
	first := plain.WithFields(fault.Field{Field: "name", Message: "is required"})
	second := first.WithFields(fault.Field{Field: "type", Message: "is not known"})
	third := first.WithFields(fault.Field{Field: "role", Message: "is not known"})
	require.Empty(t, plain.Fields)
	require.Len(t, first.Fields, 1)
	require.Equal(t, "type", second.Fields[1].Field)
	require.Equal(t, "role", third.Fields[1].Field)
	require.ErrorIs(t, second, plain, "a copy is still the same error")
	require.NotErrorIs(t, second, fault.New(fault.Invalid, "another message"))
	require.NotErrorIs(t, second, fault.New(fault.Conflict, "does not fit"))
	require.Zero(t, second.RetryAfter)
	second.RetryAfter = time.Second
	require.Equal(t, time.Second, second.WithFields().RetryAfter)
}

// A code that Codes leaves out would escape every test that walks them.
func TestCodesListsEveryConstant(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "fault.go", nil, 0)
	require.NoError(t, err)
	var declared []fault.Code
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Code" {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			declared = append(declared, fault.Code(text))
		}
		return true
	})
	require.NotEmpty(t, declared)
	require.ElementsMatch(t, declared, fault.Codes())
}
