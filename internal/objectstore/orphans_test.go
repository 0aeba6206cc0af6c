package objectstore

import (
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func sweepsOrphans(t *testing.T, cfg Config) {
	cfg.Bucket = "orphans-" + uuid.NewString() // a sweep goes through all of it
	store, _ := opened(t, cfg, nil)
	ctx := t.Context()
	mine, other := uuid.New(), uuid.New()
	owned, lost, foreign := Key(mine, "imports", "a.csv"), Key(mine, "imports", "b.csv"), Key(other, "imports", "a.csv")
	strange, unkeyed := Key(mine, "photos", "c.png"), "readme.txt"
	for _, key := range []string{owned, lost, foreign, strange, unkeyed} {
		_, err := store.Put(ctx, key, "text/plain", strings.NewReader(key))
		require.NoError(t, err)
	}
	asked := map[uuid.UUID][]string{}
	owners := Owners{"imports": func(_ context.Context, tenant uuid.UUID, keys []string) ([]string, error) {
		asked[tenant] = append(asked[tenant], keys...)
		return []string{owned}, nil
	}}

	n, err := store.SweepOrphans(ctx, past, owners)
	require.NoError(t, err)
	require.Zero(t, n, "nothing is that old")

	n, err = store.SweepOrphans(ctx, future, owners)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.ElementsMatch(t, []string{owned, lost}, asked[mine])
	require.Equal(t, []string{foreign}, asked[other])
	var left []string
	for obj, err := range store.List(ctx, "") {
		require.NoError(t, err)
		left = append(left, obj.Key)
	}
	require.ElementsMatch(t, []string{owned, strange, unkeyed}, left)
}
