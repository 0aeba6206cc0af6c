package restorer

import (
	"context"
	"fmt"
	"io"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/objectstore"
	"wharf/internal/tenancy"
)

// kindRestored is the kind of objects that rows of restores name. A row of the product owns such an object: nothing here sweeps it.
const kindRestored = "restored"

// files stores the bytes of files under a prefix of the run's own, which is noted as loose before anything is stored.
type files struct {
	objects *objectstore.Store
	prefix  string
}

func newPrefix(tenant uuid.UUID) string {
	return objectstore.TenantPrefix(tenant) + kindRestored + "/" + uuid.NewString() + "/"
}

// Put stores body. See dump.Files.
func (f files) Put(ctx context.Context, contentType string, body io.Reader) (key, sha256 string, err error) {
	o, err := f.objects.Put(ctx, f.prefix+uuid.NewString(), contentType, body)
	if err != nil {
		return "", "", fmt.Errorf("restorer: store file: %w", err)
	}
	return o.Key, o.SHA256, nil
}

const (
	isLoose = `SELECT $3 = ANY (loose) FROM wharf.restores WHERE tenant_id = $1 AND id = $2 FOR UPDATE`

	forgetLoose = `UPDATE wharf.restores SET loose = array_remove(loose, $3) WHERE tenant_id = $1 AND id = $2`
)

// clear deletes what a run stored, unless its rows were committed: an error of the commit does not tell. What cannot be deleted is
// swept.
func (s *Service) clear(ctx context.Context, tenant, id uuid.UUID, prefix string) error {
	return tenancy.Tx(ctx, s.cfg.DB, tenancy.System(tenant), func(ctx context.Context, tx pgx.Tx) error {
		var loose bool
		if err := tx.QueryRow(ctx, isLoose, tenant, id, prefix).Scan(&loose); err != nil {
			return fmt.Errorf("restorer: look for loose files: %w", err)
		}
		if !loose {
			return nil
		}
		if _, err := s.cfg.Objects.DeletePrefix(ctx, prefix); err != nil {
			return fmt.Errorf("restorer: delete loose files: %w", err)
		}
		_, err := exec(ctx, tx, "forget loose files", forgetLoose, tenant, id, prefix)
		return err
	})
}
