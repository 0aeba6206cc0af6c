package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"wharf/internal/fault"
	"wharf/internal/importer"
	"wharf/internal/objectstore"
)

func (h *handlers) ListImporters(ctx context.Context, req ListImportersRequestObject) (ListImportersResponseObject, error) {
	limit, err := page(req.Params.Limit, 100)
	if err != nil {
		return nil, err
	}
	skip := 0
	if req.Params.Skip != nil {
		skip = *req.Params.Skip
	}
	if skip < 0 {
		return nil, fault.New(fault.Malformed, "skip must not be negative")
	}
	found, err := h.cfg.Importers.List(ctx, caller(ctx), skip, limit)
	return ListImporters200JSONResponse(found), err
}

func (h *handlers) CreateImporter(ctx context.Context, req CreateImporterRequestObject) (CreateImporterResponseObject, error) {
	i, err := h.cfg.Importers.Create(ctx, caller(ctx), *req.Body)
	if err != nil {
		return nil, err //nolint:wrapcheck // coded
	}
	location := "/api/v1/importers/" + i.ID.String()
	return CreateImporter201JSONResponse{Body: i, Headers: CreateImporter201ResponseHeaders{Location: &location}}, nil
}

func (h *handlers) GetImporter(ctx context.Context, req GetImporterRequestObject) (GetImporterResponseObject, error) {
	i, err := h.cfg.Importers.Get(ctx, caller(ctx), req.Id)
	return GetImporter200JSONResponse(i), err
}

func (h *handlers) GetImporterByKey(ctx context.Context, req GetImporterByKeyRequestObject) (GetImporterByKeyResponseObject, error) {
	i, err := h.cfg.Importers.GetByKey(ctx, caller(ctx), req.Key)
	return GetImporterByKey200JSONResponse(i.Embed()), err
}

func (h *handlers) UpdateImporter(ctx context.Context, req UpdateImporterRequestObject) (UpdateImporterResponseObject, error) {
	i, err := h.cfg.Importers.Update(ctx, caller(ctx), req.Id, *req.Body)
	return UpdateImporter200JSONResponse(i), err
}

func (h *handlers) DeleteImporter(ctx context.Context, req DeleteImporterRequestObject) (DeleteImporterResponseObject, error) {
	return DeleteImporter204Response{}, h.cfg.Importers.Delete(ctx, caller(ctx), req.Id)
}

func (h *handlers) ListImports(ctx context.Context, req ListImportsRequestObject) (ListImportsResponseObject, error) {
	q := req.Params
	limit, err := page(q.Limit, defaultPage)
	if err == nil {
		err = oneOf("status", q.Status)
	}
	if err != nil {
		return nil, err
	}
	found, err := h.cfg.Importers.ListImports(ctx, caller(ctx), importer.Filter{
		Status: text(q.Status), Importer: q.ImporterId, After: q.After, Limit: limit,
	})
	res := ListImports200JSONResponse{Body: found}
	if n := len(found); n == limit {
		res.Headers.Link = next("/api/v1/imports", true, found[n-1].ID.String(),
			query(limit, "status", text(q.Status), "importer_id", idText(q.ImporterId)))
	}
	return res, err
}

func (h *handlers) GetImport(ctx context.Context, req GetImportRequestObject) (GetImportResponseObject, error) {
	i, err := h.cfg.Importers.Show(ctx, caller(ctx), req.Id)
	res := GetImport200JSONResponse{Body: i}
	if !importer.Final(i.Status) {
		after := pollAfter
		res.Headers.RetryAfter = &after
	}
	return res, err
}

func (h *handlers) DownloadImportResult(ctx context.Context, req DownloadImportResultRequestObject) (DownloadImportResultResponseObject, error) {
	link, err := h.cfg.Importers.ResultLink(ctx, caller(ctx), req.Id)
	return DownloadImportResult302Response{Headers: SignedLinkResponseHeaders{Location: &link}}, err
}

func (h *handlers) CancelImport(ctx context.Context, req CancelImportRequestObject) (CancelImportResponseObject, error) {
	p := caller(ctx)
	job, err := h.cfg.Importers.Job(ctx, p, req.Id)
	if err != nil {
		return nil, err //nolint:wrapcheck // coded
	}
	if _, err := h.cfg.Jobs.Cancel(ctx, job, &p.Tenant); err != nil {
		return nil, err //nolint:wrapcheck // coded
	}
	i, err := h.cfg.Importers.Show(ctx, p, req.Id)
	return CancelImport202JSONResponse(i), err
}

func (h *handlers) RetryImport(ctx context.Context, req RetryImportRequestObject) (RetryImportResponseObject, error) {
	p := caller(ctx)
	job, err := h.cfg.Importers.Job(ctx, p, req.Id)
	if err != nil {
		return nil, err //nolint:wrapcheck // coded
	}
	if _, err := h.cfg.Jobs.RetryRow(ctx, importer.Kind, p.Tenant, req.Id, job); err != nil {
		return nil, err //nolint:wrapcheck // coded
	}
	i, err := h.cfg.Importers.Show(ctx, p, req.Id)
	return RetryImport202JSONResponse(i), err
}

// CreateImport streams the file to the store as it comes and starts the import when the form is whole. What was stored
// for a request that is refused is deleted again.
func (h *handlers) CreateImport(ctx context.Context, req CreateImportRequestObject) (CreateImportResponseObject, error) {
	form := importForm{h: h, ctx: ctx}
	accepted, err := form.accept(req.Body)
	if err != nil {
		if form.file != nil {
			if discardErr := h.cfg.Importers.Discard(ctx, *form.file); discardErr != nil {
				h.cfg.Log.LogAttrs(ctx, levelWarn, "refused upload not deleted", append(identity(ctx), errAttr(discardErr))...)
			}
		}
		return nil, err
	}
	location := "/api/v1/imports/" + accepted.ID.String()
	return CreateImport202JSONResponse{Body: accepted, Headers: CreateImport202ResponseHeaders{Location: &location}}, nil
}

// importForm collects the parts of an upload.
type importForm struct {
	h    *handlers
	ctx  context.Context //nolint:containedctx // lives as long as the request
	req  importer.Request
	file *objectstore.Object
}

// formField is how much one part other than the file may hold, in bytes.
const formField = 1 << 20

func (f *importForm) accept(parts *multipart.Reader) (importer.Accepted, error) {
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return importer.Accepted{}, formFault(err)
		}
		if err := f.take(part); err != nil {
			return importer.Accepted{}, err
		}
	}
	if f.file == nil {
		return importer.Accepted{}, fault.New(fault.Invalid, "the file is missing").
			WithFields(fault.Field{Field: "file", Message: "is required"})
	}
	return f.h.cfg.Importers.Start(f.ctx, caller(f.ctx), f.req, *f.file) //nolint:wrapcheck // coded
}

func formFault(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fault.Wrap(err, fault.Malformed, "the upload broke off: it ends in the middle of a part")
	}
	return fmt.Errorf("httpapi: read form: %w", err)
}

func (f *importForm) take(part *multipart.Part) error {
	name := part.FormName()
	if name == "file" {
		return f.upload(part)
	}
	raw, err := io.ReadAll(io.LimitReader(part, formField+1))
	if err != nil {
		return formFault(err)
	}
	if len(raw) > formField {
		return fault.Newf(fault.TooLarge, "the part %q is larger than %d bytes", name, formField)
	}
	if err := f.set(name, strings.TrimSpace(string(raw))); err != nil {
		return fault.New(fault.Invalid, "the form does not fit").WithFields(fault.Field{Field: name, Message: err.Error()})
	}
	return nil
}

func (f *importForm) upload(part *multipart.Part) error {
	if f.file != nil {
		return fault.New(fault.Invalid, "send one file at a time").WithFields(fault.Field{Field: "file", Message: "is given twice"})
	}
	f.req.FileName = part.FileName()
	if f.req.FileName == "" {
		f.req.FileName = "upload"
	}
	limit := f.h.cfg.UploadBytes
	body := &limitedPart{r: part, left: limit}
	obj, err := f.h.cfg.Importers.Upload(f.ctx, caller(f.ctx), f.req.FileName, body)
	switch {
	case body.over:
		return fault.Newf(fault.TooLarge, "the file is larger than %d bytes, the most that is taken", limit)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return formFault(err)
	case err != nil:
		return err //nolint:wrapcheck // coded, or wrapped by the importer
	}
	f.file = &obj
	return nil
}

// limitedPart fails, rather than ends, past its limit.
type limitedPart struct {
	r    io.Reader
	left int64
	over bool
}

var errOverLimit = errors.New("httpapi: the file is over the limit")

// Read reads up to the limit and one byte more, by which it knows.
func (l *limitedPart) Read(p []byte) (int, error) {
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		l.over = true
		return 0, errOverLimit
	}
	return n, err //nolint:wrapcheck // io.EOF must stay
}

// set takes one field of the form; the error says what the field accepts.
func (f *importForm) set(name, value string) (err error) {
	r := &f.req
	switch name {
	case "importer_id":
		id, parseErr := uuid.Parse(value)
		if parseErr != nil {
			return errors.New("must be a UUID")
		}
		r.ImporterID = &id
	case "table":
		r.Table = value
	case "mapping":
		if json.Unmarshal([]byte(value), &r.Mapping) != nil {
			return errors.New(`must be JSON of the form {"file header": "field name"}; null ignores a column`)
		}
	case "match":
		r.Match, err = keyList(value)
	case "write":
		r.Write, err = choice(value, "upsert", "insert", "update")
	case "blank":
		r.Blank, err = choice(value, "keep", "clear")
	case "on_duplicate":
		r.Duplicate, err = choice(value, "error", "last")
	case "encoding":
		r.Options.Encoding = value
	case "delimiter":
		r.Options.Delimiter = delimiter(value)
	case "header_row":
		r.Options.HeaderRow, err = strconv.Atoi(value)
		if err != nil || r.Options.HeaderRow < 1 {
			return errors.New("must be a row number, 1 or more")
		}
	case "filter_invalid_rows":
		r.Filter, err = boolean(value)
	case "disable_on_invalid_rows":
		r.Disable, err = boolean(value)
	default:
		return errors.New("is not known")
	}
	return err
}

func keyList(value string) ([]string, error) {
	if !strings.HasPrefix(value, "[") {
		return []string{value}, nil
	}
	var keys []string
	if json.Unmarshal([]byte(value), &keys) != nil {
		return nil, errors.New(`must be one key, or a JSON array of them: ["external_id", "lower(email)"]`)
	}
	return keys, nil
}

func choice(value string, of ...string) (string, error) {
	if !slices.Contains(of, value) {
		return "", errors.New("must be one of " + strings.Join(of, ", "))
	}
	return value, nil
}

func boolean(value string) (*bool, error) {
	b, err := strconv.ParseBool(value)
	if err != nil {
		return nil, errors.New("must be true or false")
	}
	return &b, nil
}

// delimiter lets a tab be written in a form.
func delimiter(value string) string {
	if value == `\t` || value == "tab" || value == "" {
		return "\t"
	}
	return value
}
