package exporter

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/fault"
	"wharf/internal/objectstore"
	"wharf/internal/tenancy"
)

// Archive is the object of a finished export, for whoever reads it back. Close lets go of what was opened for it.
type Archive struct {
	Store  *objectstore.Store
	Key    string
	Name   string // of the file
	Bytes  int64
	SHA256 string // hex
	Close  func()
}

// Archive gives the object of an export that a restore can read. ErrNotFound, also if it has expired; Conflict if it has not
// ended well; Invalid if its format or its encryption is in the way. What is in the way says the way out.
func (s *Service) Archive(ctx context.Context, p tenancy.Principal, id uuid.UUID) (Archive, error) {
	r, err := s.row(ctx, p, id)
	if err != nil {
		return Archive{}, err
	}
	if err := r.restorable(); err != nil {
		return Archive{}, err
	}
	at, err := s.targetOf(ctx, p, r)
	if err != nil {
		return Archive{}, err
	}
	a := Archive{Store: at.Store, Key: *r.ObjectKey, Name: *r.FileName, Bytes: r.Bytes, Close: at.close}
	if r.SHA256 != nil {
		a.SHA256 = *r.SHA256
	}
	return a, nil
}

// restorable says why a restore cannot read the export.
func (r row) restorable() error {
	var req Request
	if err := json.Unmarshal(r.Request, &req); err != nil {
		return fmt.Errorf("exporter: read request of %s: %w", r.ID, err)
	}
	refused := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "the export cannot be restored").
			WithFields(fault.Field{Field: "export_id", Message: fmt.Sprintf(format, args...)})
	}
	switch {
	case req.Format == FormatCSV || req.Format == FormatXLSX:
		return refused("is of the format %s, which no restore reads; export as json, dump or jsonl", req.Format)
	case req.Encrypt != nil:
		return refused("is encrypted; download it, decrypt it (age --decrypt) and restore the file")
	case r.Status == Expired:
		return fault.New(fault.NotFound, "the export has expired; request a new one")
	case r.Status != Completed || r.ObjectKey == nil:
		return fault.Newf(fault.Conflict, "the export is %s; only a completed one can be restored", r.Status)
	}
	return nil
}

// kindExport is the kind of objects that belong to exports.
const kindExport = "exports"

const ownedObjects = `SELECT object_key FROM wharf.exports WHERE tenant_id = $1 AND object_key = ANY ($2) AND destination_id IS NULL`

// Owners tells, of the objects of exports in Wharf's bucket, those that an export knows.
func (s *Service) Owners() objectstore.Owners {
	table := pgx.Identifier(strings.SplitN(s.cfg.TenantTable, ".", 2)).Sanitize()
	return objectstore.Owners{kindExport: s.cfg.DB.Owned(table, ownedObjects)}
}
