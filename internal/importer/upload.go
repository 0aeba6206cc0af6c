package importer

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/fault"
	"wharf/internal/objectstore"
	"wharf/internal/tenancy"
)

// Errors that callers meet.
var (
	ErrUploadNotFound = fault.New(fault.NotFound, "upload not found")
	ErrNotArrived     = fault.New(fault.Conflict, "the upload has not arrived: PUT the file to its URL first")
)

// Statuses of an upload.
const (
	UploadWaiting = "waiting" // for the file
	UploadArrived = "arrived"
	UploadUsed    = "used" // by an import or a restore, whose file it is now
)

// Upload is a file that waits for its import or restore. While it waits for its bytes it has a URL, which lives minutes; showing it
// gives a new one.
type Upload struct {
	ID           uuid.UUID         `json:"id"`
	Name         string            `json:"name"`
	Bytes        int64             `json:"bytes"`
	SHA256       string            `json:"sha256,omitempty"` // hex
	Status       string            `json:"status"`
	ImportID     *uuid.UUID        `json:"import_id"`
	RestoreID    *uuid.UUID        `json:"restore_id"`
	Method       string            `json:"method,omitempty"` // these four while it waits
	URL          string            `json:"url,omitempty"`
	Headers      map[string]string `json:"headers,omitempty"`
	URLExpiresAt *time.Time        `json:"url_expires_at,omitempty"`
	CreatedAt    time.Time         `json:"created_at"`
	ExpiresAt    time.Time         `json:"expires_at"` // unless it is used
}

// NewUpload is what is promised of a file.
type NewUpload struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // hex; "": not known
}

// onePut is the most that S3 takes in one request, in bytes.
const onePut = 5 << 30

func (n *NewUpload) check(limit int64) error {
	limit = min(limit, onePut)
	n.SHA256 = strings.ToLower(n.SHA256)
	sum, err := hex.DecodeString(n.SHA256)
	switch {
	case n.Bytes > limit:
		return fault.Newf(fault.TooLarge, "the file is larger than %d bytes, the most that is taken", limit).
			WithFields(fault.Field{Field: "bytes", Message: "is too large"})
	case n.Bytes < 1:
		return fault.New(fault.Invalid, "the upload does not fit").WithFields(fault.Field{Field: "bytes", Message: "must be at least 1"})
	case err != nil, n.SHA256 != "" && len(sum) != 32:
		return fault.New(fault.Invalid, "the upload does not fit").WithFields(fault.Field{Field: "sha256", Message: "must be 64 hex digits"})
	}
	return nil
}

// CreateUpload promises room for a file and gives the URL that takes it. TooLarge, Invalid.
func (s *Service) CreateUpload(ctx context.Context, p tenancy.Principal, n NewUpload) (Upload, error) {
	if err := n.check(s.cfg.UploadBytes); err != nil {
		return Upload{}, err
	}
	u, err := s.insertUpload(ctx, p, n.Name, false, objectstore.Object{
		Key: objectstore.Key(p.Tenant, kindUpload, n.Name), Bytes: n.Bytes, SHA256: n.SHA256,
	})
	if err != nil {
		return Upload{}, err
	}
	return s.viewUpload(ctx, u)
}

// StoreUpload streams a file to the store and keeps it for an import to come. An error of body comes back wrapped; nothing
// stays then.
func (s *Service) StoreUpload(ctx context.Context, p tenancy.Principal, name string, body io.Reader) (Upload, error) {
	obj, err := s.Upload(ctx, p, name, body)
	if err != nil {
		return Upload{}, err
	}
	// The file is whole: it is kept even if its sender does not wait.
	u, err := s.insertUpload(context.WithoutCancel(ctx), p, name, true, obj)
	if err != nil {
		return Upload{}, errors.Join(err, s.Discard(ctx, obj))
	}
	return s.viewUpload(ctx, u)
}

func (s *Service) insertUpload(ctx context.Context, p tenancy.Principal, name string, stored bool, o objectstore.Object) (u upload, err error) {
	err = tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) error {
		u, err = readUpload(ctx, tx, insertUpload, newID(), p.Tenant, name, o.Key, o.Bytes, o.SHA256, stored, p.Importer, p.Actor, s.cfg.UploadTTL)
		return err
	})
	return u, err
}

// ShowUpload tells whether an upload has arrived. ErrUploadNotFound.
func (s *Service) ShowUpload(ctx context.Context, p tenancy.Principal, id uuid.UUID) (Upload, error) {
	u, err := s.upload(ctx, p, id)
	if err != nil {
		return Upload{}, err
	}
	return s.viewUpload(ctx, u)
}

func (s *Service) upload(ctx context.Context, p tenancy.Principal, id uuid.UUID) (u upload, err error) {
	err = tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) error {
		u, err = readUpload(ctx, tx, selectUpload, p.Tenant, id, p.Importer, p.Actor)
		return err
	})
	return u, err
}

// UploadedFile gives the object and name of an upload that is there, used or not: for a preview. ErrUploadNotFound, ErrNotArrived.
func (s *Service) UploadedFile(ctx context.Context, p tenancy.Principal, id uuid.UUID) (objectstore.Object, string, error) {
	u, err := s.upload(ctx, p, id)
	if err != nil {
		return objectstore.Object{}, "", err
	}
	obj, err := s.arrived(ctx, u)
	return obj, u.FileName, err
}

// arrived looks at the store: ErrNotArrived unless the object is there as it was promised. Its SHA256 is empty if
// nobody has checked it.
func (s *Service) arrived(ctx context.Context, u upload) (objectstore.Object, error) {
	if u.Stored {
		return objectstore.Object{Key: u.ObjectKey, Bytes: u.Bytes, SHA256: u.SHA256}, nil
	}
	obj, err := s.cfg.Objects.Head(ctx, u.ObjectKey)
	switch {
	case errors.Is(err, objectstore.ErrNotFound):
		return objectstore.Object{}, ErrNotArrived
	case err != nil:
		return objectstore.Object{}, fmt.Errorf("importer: look at upload: %w", err)
	case obj.Bytes != u.Bytes:
		return objectstore.Object{}, fault.Newf(fault.Conflict, "the upload has %d bytes instead of the %d it was announced with", obj.Bytes, u.Bytes)
	case obj.SHA256 != "" && u.SHA256 != "" && obj.SHA256 != u.SHA256:
		return objectstore.Object{}, fault.New(fault.Conflict, "the upload is not the file it was announced as: its SHA-256 is another")
	}
	return obj, nil
}

func (s *Service) viewUpload(ctx context.Context, u upload) (Upload, error) {
	view := Upload{
		ID: u.ID, Name: u.FileName, Bytes: u.Bytes, SHA256: u.SHA256, ImportID: u.ImportID, RestoreID: u.RestoreID,
		Status:    UploadArrived,
		CreatedAt: u.CreatedAt, ExpiresAt: u.ExpiresAt,
	}
	if u.ImportID != nil || u.RestoreID != nil {
		view.Status = UploadUsed
		return view, nil
	}
	switch _, err := s.arrived(ctx, u); {
	case err == nil:
		return view, nil
	case !errors.Is(err, ErrNotArrived):
		return Upload{}, err
	}
	link, headers, err := s.cfg.Objects.PresignPut(ctx, u.ObjectKey, u.Bytes, u.SHA256, s.cfg.LinkTTL)
	if err != nil {
		return Upload{}, fmt.Errorf("importer: sign upload: %w", err)
	}
	until := u.Now.Add(s.cfg.LinkTTL)
	view.Status, view.Method, view.URL, view.URLExpiresAt = UploadWaiting, http.MethodPut, link, &until
	view.Headers = map[string]string{}
	for name := range headers {
		if name != "Host" { // follows from the URL
			view.Headers[name] = headers.Get(name)
		}
	}
	return view, nil
}

// DeleteUpload removes an upload that nothing has taken. ErrUploadNotFound; Conflict names what has.
//
// A signed URL may live on for minutes: its row stays, hidden, until the sweep has removed what still came.
func (s *Service) DeleteUpload(ctx context.Context, p tenancy.Principal, id uuid.UUID) error {
	u, err := s.upload(ctx, p, id)
	if err != nil {
		return err
	}
	remove := hideUpload
	if u.Stored {
		remove = dropUpload
	}
	err = tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) error {
		return s.takeUpload(ctx, tx, p, id, remove)
	})
	if err != nil {
		return err
	}
	return s.Discard(ctx, objectstore.Object{Key: u.ObjectKey})
}

// ClaimUpload makes an upload the file of an import, in the transaction that writes the import: another cannot take it any more.
// ErrUploadNotFound; Conflict names the import that was first.
func (s *Service) ClaimUpload(ctx context.Context, tx pgx.Tx, p tenancy.Principal, id, importID uuid.UUID) error {
	return s.takeUpload(ctx, tx, p, id, claimUpload, importID)
}

// ClaimUploadForRestore is ClaimUpload for a restore.
func (s *Service) ClaimUploadForRestore(ctx context.Context, tx pgx.Tx, p tenancy.Principal, id, restoreID uuid.UUID) error {
	return s.takeUpload(ctx, tx, p, id, claimForARestore, restoreID)
}

// takeUpload runs a statement that changes an unused upload, and says why it could not. Of two at once the second waits for
// the first, and finds it used.
func (s *Service) takeUpload(ctx context.Context, tx pgx.Tx, p tenancy.Principal, id uuid.UUID, sql string, args ...any) error {
	n, err := exec(ctx, tx, "take upload", sql, append([]any{p.Tenant, id, p.Importer, p.Actor}, args...)...)
	if err != nil || n == 1 {
		return err
	}
	u, err := readUpload(ctx, tx, selectUpload, p.Tenant, id, p.Importer, p.Actor)
	if err != nil {
		return err
	}
	switch {
	case u.ImportID != nil:
		return fault.Newf(fault.Conflict, "the upload was used by the import %s; send the file again for another", u.ImportID)
	case u.RestoreID != nil:
		return fault.Newf(fault.Conflict, "the upload was used by the restore %s; send the file again for another", u.RestoreID)
	}
	return ErrUploadNotFound // it expired meanwhile
}
