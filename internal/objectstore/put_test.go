package objectstore

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"wharf/internal/fault"
)

func TestMorePartsThanS3TakesAreTooLarge(t *testing.T) {
	t.Parallel()
	s, prefix := opened(t, gofake(t), nil)
	u := &upload{
		store: s, key: prefix + "f", source: bytes.NewReader([]byte("one byte more")), sum: sha256.New(),
		parts: make([]*types.CompletedPart, maxParts),
	}
	err := u.readAll(t.Context(), t.Context(), new(errgroup.Group))
	require.Equal(t, fault.TooLarge, fault.CodeOf(err))
	require.ErrorContains(t, err, "52428800000 bytes")
}
