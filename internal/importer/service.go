package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/fieldcrypt"
	"wharf/internal/load"
	"wharf/internal/objectstore"
	"wharf/internal/rowprogram"
	"wharf/internal/tabular"
	"wharf/internal/tenancy"
)

// Queue enqueues the job of an import in the transaction that writes its row.
type Queue interface {
	Enqueue(ctx context.Context, tx pgx.Tx, kind string, tenant, id uuid.UUID) (job int64, err error)
}

// Kind is the kind of job that runs an import.
const Kind = "import"

// Config is what a Service needs. All of it is required but Queue, which a process that only runs jobs has no use for.
type Config struct {
	Pool        *pgxpool.Pool
	DB          *tenancy.DB
	Objects     *objectstore.Store
	Queue       Queue
	Snapshot    func() *catalog.Snapshot                                        // the API's copy
	Catalog     func(ctx context.Context, tx pgx.Tx) (*catalog.Snapshot, error) // as a transaction sees it
	Limits      tabular.Limits
	Programs    rowprogram.Config
	LinkTTL     time.Duration // a signed link lives
	UploadTTL   time.Duration // an upload waits for its import
	UploadBytes int64         // of a file
	UndoTTL     time.Duration // an import can be reverted
	Retention   Retention
	WorkMemMB   int    // memory of one sort or hash in a merge
	TenantTable string // quoted, as SQL names it
	Webhooks    Webhooks
	Crypt       *fieldcrypt.Ring // of encrypted columns; nil: there are none
}

// Service keeps importers and runs imports.
type Service struct{ cfg Config }

// New returns a Service.
func New(cfg Config) *Service { return &Service{cfg: cfg} }

// List gives the tenant's importers, oldest first.
func (s *Service) List(ctx context.Context, p tenancy.Principal, skip, limit int) ([]Importer, error) {
	var out []Importer
	err := tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) (err error) {
		out, err = findImporters(ctx, tx, importerFilter{tenant: p.Tenant, skip: skip, limit: limit, only: p.Importer})
		return err
	})
	return out, err
}

// Get gives an importer; ErrImporterNotFound if the tenant has none of that id.
func (s *Service) Get(ctx context.Context, p tenancy.Principal, id uuid.UUID) (Importer, error) {
	return s.find(ctx, p, importerFilter{tenant: p.Tenant, id: &id})
}

// GetByKey gives the importer of an embedding page's key.
func (s *Service) GetByKey(ctx context.Context, p tenancy.Principal, key uuid.UUID) (Importer, error) {
	return s.find(ctx, p, importerFilter{tenant: p.Tenant, key: &key})
}

func (s *Service) find(ctx context.Context, p tenancy.Principal, f importerFilter) (Importer, error) {
	var out Importer
	f.only = p.Importer
	err := tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) (err error) {
		out, err = findImporter(ctx, tx, f)
		return err
	})
	return out, err
}

// Create stores a new importer. One that cannot work is a fault.Invalid that names every wrong place.
func (s *Service) Create(ctx context.Context, p tenancy.Principal, in Input) (Importer, error) {
	i := Importer{ID: newID(), Key: uuid.New()}
	return s.write(ctx, p, i, in, func(ctx context.Context, tx pgx.Tx, i Importer, def []byte) (Importer, error) {
		return writeImporter(ctx, tx, insertImporter, i.ID, p.Tenant, i.Key, i.Name, i.Description, def)
	})
}

// Update changes the given fields of an importer.
func (s *Service) Update(ctx context.Context, p tenancy.Principal, id uuid.UUID, in Input) (Importer, error) {
	i, err := s.Get(ctx, p, id)
	if err != nil {
		return Importer{}, err
	}
	return s.write(ctx, p, i, in, func(ctx context.Context, tx pgx.Tx, i Importer, def []byte) (Importer, error) {
		return writeImporter(ctx, tx, updateImporter, p.Tenant, i.ID, i.Name, i.Description, def)
	})
}

func (s *Service) write(ctx context.Context, p tenancy.Principal, i Importer, in Input,
	store func(ctx context.Context, tx pgx.Tx, i Importer, def []byte) (Importer, error),
) (Importer, error) {
	if in.WebhookURL.set && !p.May(tenancy.Manage) {
		return Importer{}, fault.New(fault.Forbidden, "Insufficient permissions").
			WithFields(fault.Field{Field: "webhook_url", Message: "is for owners and admins to set"})
	}
	in.apply(&i)
	i.Destination = i.Destination.withDefaults()
	if err := i.check(s.cfg.Snapshot(), s.cfg.Programs, s.cfg.Webhooks); err != nil {
		return Importer{}, err
	}
	def, err := json.Marshal(i.Definition)
	if err != nil {
		return Importer{}, fmt.Errorf("importer: definition: %w", err)
	}
	var out Importer
	err = tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) (err error) {
		if out, err = store(ctx, tx, i, def); err != nil || i.WebhookURL == nil {
			return err
		}
		out.WebhookSecret, err = s.cfg.Webhooks.Secret(ctx, tx, p.Tenant, i.ID)
		return err //nolint:wrapcheck // translated by tenancy.Tx
	})
	return out, err
}

// Delete removes an importer; its imports stay.
func (s *Service) Delete(ctx context.Context, p tenancy.Principal, id uuid.UUID) error {
	return tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) error {
		n, err := exec(ctx, tx, "delete importer", deleteImporter, p.Tenant, id)
		if err == nil && n == 0 {
			return ErrImporterNotFound
		}
		if err != nil {
			return err
		}
		return s.cfg.Webhooks.Drop(ctx, tx, p.Tenant, id) //nolint:wrapcheck // translated by tenancy.Tx
	})
}

// Upload streams a file to the store. The caller discards it if nothing comes of it.
func (s *Service) Upload(ctx context.Context, p tenancy.Principal, name string, body io.Reader) (objectstore.Object, error) {
	obj, err := s.cfg.Objects.Put(ctx, objectstore.Key(p.Tenant, kindFile, name), "application/octet-stream", body)
	if err != nil {
		return objectstore.Object{}, fmt.Errorf("importer: store upload: %w", err)
	}
	return obj, nil
}

// Discard deletes an upload that was refused.
func (s *Service) Discard(ctx context.Context, obj objectstore.Object) error {
	if err := s.cfg.Objects.Delete(context.WithoutCancel(ctx), obj.Key); err != nil {
		return fmt.Errorf("importer: discard upload: %w", err)
	}
	return nil
}

// Request is what an import is asked to do with its file.
type Request struct {
	FileName   string
	Upload     *uuid.UUID // instead of a file; it names the file too
	ImporterID *uuid.UUID
	Table      string             // instead of an importer
	Mapping    map[string]*string // header → field; nil ignores the column; an empty map: map by itself
	Mode       string             // "": commit
	Options    tabular.Options
	Write      string // these override the importer's
	Match      []string
	Blank      string
	Duplicate  string
	Filter     *bool
	Disable    *bool
}

// Start writes the import and its job in one transaction. Where the request names an upload, that is the file: ErrUploadNotFound,
// ErrNotArrived, Conflict if another import has it.
func (s *Service) Start(ctx context.Context, p tenancy.Principal, req Request, file objectstore.Object) (Accepted, error) {
	if req.Mode == "" {
		req.Mode = ModeCommit
	}
	def, err := s.definition(ctx, p, req)
	if err != nil {
		return Accepted{}, err
	}
	if req.Upload != nil {
		if file, req.FileName, err = s.UploadedFile(ctx, p, *req.Upload); err != nil {
			return Accepted{}, err
		}
	}
	docs, err := marshalAll(def, normalise(req.Mapping), readOptions{
		req.Options.Encoding, req.Options.Delimiter, req.Options.HeaderRow, req.Options.Sheet,
	})
	if err != nil {
		return Accepted{}, err
	}
	var out Accepted
	err = tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) error {
		r, err := readImport(ctx, tx, insertImport, newID(), p.Tenant, req.ImporterID, docs[0], docs[1], req.Mode, docs[2],
			req.FileName, file.Key, file.Bytes, file.SHA256, p.Actor)
		if err != nil {
			return err
		}
		if req.Upload != nil {
			if err := s.ClaimUpload(ctx, tx, p, *req.Upload, r.ID); err != nil {
				return err
			}
		}
		job, err := s.cfg.Queue.Enqueue(ctx, tx, Kind, p.Tenant, r.ID)
		if err != nil {
			return fmt.Errorf("importer: enqueue: %w", err)
		}
		out = Accepted{ID: r.ID, ImporterID: r.ImporterID, Status: r.Status, CreatedAt: r.CreatedAt}
		if file.SHA256 != "" {
			if err := tx.QueryRow(ctx, hashedImport, p.Tenant, r.ID, file.SHA256).Scan(&out.DuplicateOf); err != nil {
				return fmt.Errorf("importer: look for the same file: %w", err)
			}
		}
		_, err = exec(ctx, tx, "note job", setImportJob, p.Tenant, r.ID, job)
		return err
	})
	return out, err
}

type readOptions struct {
	Encoding  string `json:"encoding,omitempty"`
	Delimiter string `json:"delimiter,omitempty"`
	HeaderRow int    `json:"header_row,omitempty"`
	Sheet     string `json:"sheet,omitempty"`
}

func marshalAll(parts ...any) ([][]byte, error) {
	out := make([][]byte, 0, len(parts))
	for _, part := range parts {
		doc, err := json.Marshal(part)
		if err != nil {
			return nil, fmt.Errorf("importer: encode request: %w", err)
		}
		out = append(out, doc)
	}
	return out, nil
}

// normalise spells an ignored column "".
func normalise(asked map[string]*string) map[string]string {
	if len(asked) == 0 {
		return nil
	}
	out := make(map[string]string, len(asked))
	for header, field := range asked {
		out[header] = ""
		if field != nil {
			out[header] = *field
		}
	}
	return out
}

// definition gives what the import will go by: a copy of the importer's, or the table's own, with the request's overrides.
func (s *Service) definition(ctx context.Context, p tenancy.Principal, req Request) (Definition, error) {
	var def Definition
	if err := mayAsk(p, req); err != nil {
		return def, err
	}
	switch {
	case (req.ImporterID == nil) == (req.Table == ""):
		return def, fault.New(fault.Invalid, "give either importer_id or table").
			WithFields(fault.Field{Field: "importer_id", Message: "exactly one of importer_id and table is required"})
	case req.ImporterID != nil:
		i, err := s.Get(ctx, p, *req.ImporterID)
		if err != nil {
			return def, err
		}
		def = i.Definition
	default:
		table, ok := s.cfg.Snapshot().Table(req.Table)
		if !ok {
			return def, fault.Newf(fault.NotFound, "no table %q belongs to tenants", req.Table)
		}
		def = tableDefinition(table)
	}
	override(&def.Destination.Write, req.Write)
	override(&def.Destination.Blank, req.Blank)
	override(&def.Destination.OnDuplicate, req.Duplicate)
	if req.Match != nil {
		def.Destination.Match = req.Match
	}
	put(&def.FilterInvalid, req.Filter)
	put(&def.DisableOnInvalid, req.Disable)
	wrong := tagErrors(def)
	if def.Destination.Kind == ToTable {
		wrong = append(wrong, checkTable(def, s.cfg.Snapshot())...)
	}
	if f, bad := fault.As(req.Options.Check()); bad {
		wrong = append(wrong, f.Fields...)
	}
	if len(wrong) > 0 {
		return def, fault.New(fault.Invalid, "the import cannot work as it is asked for").WithFields(wrong...)
	}
	return def, nil
}

func override(dst *string, v string) {
	if v != "" {
		*dst = v
	}
}

// Show gives an import; ErrImportNotFound if the tenant has none of that id.
func (s *Service) Show(ctx context.Context, p tenancy.Principal, id uuid.UUID) (Import, error) {
	r, err := s.row(ctx, p, id)
	if err != nil {
		return Import{}, err
	}
	return r.view()
}

func (s *Service) row(ctx context.Context, p tenancy.Principal, id uuid.UUID) (row, error) {
	var r row
	err := tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) (err error) {
		r, err = readImport(ctx, tx, ownImport, p.Tenant, id, p.Importer, p.Actor)
		return err
	})
	return r, err
}

// Filter narrows a listing. Zero values mean any.
type Filter struct {
	Status   string
	Importer *uuid.UUID
	After    *uuid.UUID // keyset: the last import of the page before
	Limit    int
}

// ListImports gives imports, newest first.
func (s *Service) ListImports(ctx context.Context, p tenancy.Principal, f Filter) ([]Import, error) {
	var found []row
	err := tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, listImports, p.Tenant, f.Status, f.Importer, f.After, f.Limit, p.Importer, p.Actor)
		if err != nil {
			return fmt.Errorf("importer: list imports: %w", err)
		}
		found, err = pgx.CollectRows(rows, pgx.RowToStructByName[row])
		if err != nil {
			return fmt.Errorf("importer: list imports: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := make([]Import, 0, len(found))
	for _, r := range found {
		i, err := r.view()
		if err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	return out, nil
}

// Job gives the job that runs the import.
func (s *Service) Job(ctx context.Context, p tenancy.Principal, id uuid.UUID) (int64, error) {
	r, err := s.row(ctx, p, id)
	if err != nil {
		return 0, err
	}
	if r.JobID == nil {
		return 0, fault.New(fault.Conflict, "the import has no job")
	}
	return *r.JobID, nil
}

// ResultLink gives a signed link to the result, with the file name it is saved under.
func (s *Service) ResultLink(ctx context.Context, p tenancy.Principal, id uuid.UUID) (string, error) {
	return s.link(ctx, p, id, func(r row) (*string, string) {
		return r.ResultKey, "the import has no result: it has not ended, its rows went into a table, or the time it is kept has passed"
	})
}

// ErrorsLink gives a signed link to the report of the rows that failed. Forbidden if it holds personal data that p may not see.
func (s *Service) ErrorsLink(ctx context.Context, p tenancy.Principal, id uuid.UUID) (string, error) {
	return s.link(ctx, p, id, func(r row) (*string, string) {
		return r.ErrorsKey, "the import has no error report: it has not ended, no row failed, or the time it is kept has passed"
	})
}

func (s *Service) link(ctx context.Context, p tenancy.Principal, id uuid.UUID, of func(r row) (key *string, absent string)) (string, error) {
	r, err := s.row(ctx, p, id)
	if err != nil {
		return "", err
	}
	key, absent := of(r)
	if key == nil {
		return "", fault.New(fault.Conflict, absent)
	}
	if err := s.mayRead(p, r); err != nil {
		return "", err
	}
	link, err := s.cfg.Objects.PresignGet(ctx, *key, path.Base(*key), s.cfg.LinkTTL)
	if err != nil {
		return "", fmt.Errorf("importer: sign link: %w", err)
	}
	return link, nil
}

// mayRead returns ErrForbidden if the import's file fills encrypted columns and p may not see them in clear.
func (s *Service) mayRead(p tenancy.Principal, r row) error {
	if r.clearFor(p) {
		return nil
	}
	var def Definition
	if err := json.Unmarshal(r.Definition, &def); err != nil {
		return fmt.Errorf("importer: definition of import %s: %w", r.ID, err)
	}
	table, ok := s.cfg.Snapshot().Table(def.Destination.Table)
	if !ok {
		return nil
	}
	for _, f := range def.Fields {
		if c, ok := table.Column(f.Name); ok && c.Tags.Encrypted {
			return tenancy.ErrForbidden
		}
	}
	return nil
}

// End writes a final status, unless the import has one; of one that was to be reverted, that it was not.
func (s *Service) End(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID, status, reason string) error {
	docs, err := marshalAll(Reverting{Left: []Left{}, InTheWay: []Reference{}, Error: &reason})
	if err != nil {
		return err
	}
	if _, err := exec(ctx, tx, "end revert", failRevert, tenant, id, docs[0]); err != nil {
		return err
	}
	r, err := readImport(ctx, tx, endImport, tenant, id, status, reason)
	if errors.Is(err, ErrImportNotFound) { // it has ended, or is gone
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := exec(ctx, tx, "forget progress", forgetProgress, id); err != nil {
		return err
	}
	var def Definition
	if err := json.Unmarshal(r.Definition, &def); err != nil {
		return fmt.Errorf("importer: definition of import %s: %w", id, err)
	}
	if status != Failed {
		return nil
	}
	return s.send(ctx, tx, r, def, message{Event: "import.failed", Status: status, Error: reason})
}

// Reopen sets a failed or cancelled import, or revert, back to pending, to be run by the job.
func (s *Service) Reopen(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID, job int64) error {
	for _, sql := range []string{reopenImport, reopenRevert} {
		if n, err := exec(ctx, tx, "reopen import", sql, tenant, id, job); err != nil || n > 0 {
			return err
		}
	}
	return fault.New(fault.Conflict, "only a failed or cancelled import can be retried")
}

// Abandon cancels an import in review: what it staged goes. Conflict if it is not in review.
func (s *Service) Abandon(ctx context.Context, p tenancy.Principal, id uuid.UUID) (Import, error) {
	var out Import
	err := tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) error {
		r, err := readImport(ctx, tx, lockOwnImport, p.Tenant, id, p.Importer, p.Actor)
		if err != nil {
			return err
		}
		if r.Status != Review {
			return fault.Newf(fault.Conflict, "the import is %s", r.Status)
		}
		if err := load.Drop(ctx, tx, stagingPrefix(id)); err != nil {
			return err //nolint:wrapcheck // translated by tenancy.Tx
		}
		if r, err = readImport(ctx, tx, endImport, p.Tenant, id, Cancelled, "cancelled in review"); err != nil {
			return err
		}
		out, err = r.view()
		return err
	})
	return out, err
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }
