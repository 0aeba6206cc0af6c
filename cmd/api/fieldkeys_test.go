package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/fieldcrypt"
)

func TestARingIsMadeAndRotatedFromTheEnvironment(t *testing.T) {
	t.Parallel()
	var first, second bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"field-keys", "new"}, nil, &first, nil), "without any other setting")
	require.NoError(t, run(t.Context(), []string{"field-keys", "rotate"}, []string{"WHARF_FIELD_KEYS=" + first.String()}, &second, nil))

	former, err := fieldcrypt.New(first.String())
	require.NoError(t, err)
	rotated, err := fieldcrypt.New(second.String())
	require.NoError(t, err)
	c := fieldcrypt.Column{Table: "public.customers", Column: "name"}
	sealed, err := former.Seal(nil, []byte("Ada"), c)
	require.NoError(t, err)
	plain, err := rotated.Open(nil, sealed, c)
	require.NoError(t, err)
	require.Equal(t, "Ada", string(plain))
}

func TestThereIsNothingToRotateWithoutARing(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, run(t.Context(), []string{"field-keys", "rotate"}, nil, nil, nil), "WHARF_FIELD_KEYS is not set")
	require.ErrorContains(t, run(t.Context(), []string{"field-keys", "lose"}, nil, nil, nil), "new, rotate")
	err := run(t.Context(), []string{"field-keys", "rotate"}, []string{"WHARF_FIELD_KEYS=hunter2"}, nil, nil)
	require.ErrorContains(t, err, "no key ring")
	require.NotContains(t, err.Error(), "hunter2")
}
