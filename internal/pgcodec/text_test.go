package pgcodec

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Versions before 16 send the bare byte, which no JSON may hold; so this is not compared with the server.
func TestSingleByteCharsStayValidText(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{"\x00": `""`, "a": `"a"`, `"`: `"\""`, "\xc3": `"\\303"`, "\xff": `"\\377"`} {
		out, err := appendQCharJSON(nil, []byte(raw))
		require.NoError(t, err)
		require.Equal(t, want, string(out))
	}
}
