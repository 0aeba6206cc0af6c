package objectstore

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Owned gives those of a tenant's keys that some row names.
type Owned func(ctx context.Context, tenant uuid.UUID, keys []string) ([]string, error)

// Owners says, for each kind of object, how to find out which are owned. Objects of other kinds are left alone, as are
// those whose key was not made by Key.
type Owners map[string]Owned

// With gives owners where an object is owned if either side says so.
func (o Owners) With(more Owners) Owners {
	all := maps.Clone(o)
	for kind, owned := range more {
		first, both := all[kind]
		if !both {
			all[kind] = owned
			continue
		}
		all[kind] = func(ctx context.Context, tenant uuid.UUID, keys []string) ([]string, error) {
			known, err := first(ctx, tenant, keys)
			if err != nil {
				return nil, err
			}
			others, err := owned(ctx, tenant, keys)
			return slices.Concat(known, others), err
		}
	}
	return all
}

// orphansAtOnce is how many keys are asked about at once.
const orphansAtOnce = 1000

// SweepOrphans deletes the objects last changed before a moment that nobody owns, and ends multipart uploads that were begun
// before it. The moment must lie far enough back that no object is still on the way to its row. It tells how many
// objects went.
func (s *Store) SweepOrphans(ctx context.Context, before time.Time, owners Owners) (int, error) {
	if _, err := s.AbortUploads(ctx, "", before); err != nil {
		return 0, err
	}
	type bin struct {
		tenant uuid.UUID
		kind   string
	}
	bins := map[bin][]string{}
	deleted := 0
	empty := func(b bin) error {
		n, err := s.deleteUnowned(ctx, b.tenant, owners[b.kind], bins[b])
		deleted += n
		delete(bins, b)
		return err
	}
	for obj, err := range s.List(ctx, "") {
		if err != nil {
			return deleted, err
		}
		tenant, kind, ok := place(obj.Key)
		if !ok || owners[kind] == nil || !obj.Modified.Before(before) {
			continue
		}
		b := bin{tenant, kind}
		if bins[b] = append(bins[b], obj.Key); len(bins[b]) < orphansAtOnce {
			continue
		}
		if err := empty(b); err != nil {
			return deleted, err
		}
	}
	var errs []error
	for b := range bins {
		errs = append(errs, empty(b))
	}
	return deleted, errors.Join(errs...)
}

// place reads a key made by Key.
func place(key string) (tenant uuid.UUID, kind string, ok bool) {
	parts := strings.SplitN(key, "/", 4)
	if len(parts) < 4 {
		return tenant, "", false
	}
	tenant, err := uuid.Parse(parts[0])
	return tenant, parts[1], err == nil
}

func (s *Store) deleteUnowned(ctx context.Context, tenant uuid.UUID, owned Owned, keys []string) (int, error) {
	known, err := owned(ctx, tenant, keys)
	if err != nil {
		return 0, err
	}
	deleted := 0
	for _, key := range keys {
		if slices.Contains(known, key) {
			continue
		}
		if err := s.Delete(ctx, key); err != nil {
			return deleted, err
		}
		deleted++
	}
	return deleted, nil
}
