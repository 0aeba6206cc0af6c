package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"wharf/internal/fault"
	"wharf/internal/importer"
	"wharf/internal/objectstore"
)

// CreateImport streams the file to the store as it comes and starts the import when the form is whole. What was stored
// for a request that is refused is deleted again.
func (h *handlers) CreateImport(ctx context.Context, req CreateImportRequestObject) (CreateImportResponseObject, error) {
	f := h.importForm()
	if err := f.readAny(ctx, req.MultipartBody, req.JSONBody); err != nil {
		f.discard(ctx)
		return nil, err
	}
	if err := once(ctx, f.fingerprint()...); err != nil {
		f.discard(ctx)
		return nil, err
	}
	// The upload is whole: the import begins even if the client does not wait for the answer.
	accepted, err := h.cfg.Importers.Start(context.WithoutCancel(ctx), caller(ctx), f.req, orElse(f.file, objectstore.Object{}))
	if err != nil {
		f.settle(ctx, err)
		return nil, err
	}
	location := "/api/v1/imports/" + accepted.ID.String()
	return CreateImport202JSONResponse{Body: accepted, Headers: CreateImport202ResponseHeaders{Location: &location}}, nil
}

// PreviewImport looks at a file as an import would. What came with the request stays as an upload.
func (h *handlers) PreviewImport(ctx context.Context, req PreviewImportRequestObject) (PreviewImportResponseObject, error) {
	f := h.importForm()
	f.keep = true
	if err := f.readAny(ctx, req.MultipartBody, req.JSONBody); err != nil {
		return nil, f.unkeep(ctx, err)
	}
	preview, err := h.cfg.Importers.Preview(ctx, caller(ctx), f.req)
	if err != nil {
		err = f.unkeep(ctx, err)
	}
	return PreviewImport200JSONResponse(preview), err
}

// wholeForm gives a multipart body that has no end but its last boundary. The reader of mime/multipart takes an end in the head
// of a part for that of the form, and what came behind would be lost unseen.
func wholeForm(body io.ReadCloser) io.ReadCloser {
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(body, strings.NewReader("\r\n"), brokenOff{}), body}
}

type brokenOff struct{}

func (brokenOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// importForm collects the parts of an upload.
type importForm struct {
	h     *handlers
	req   importer.Request
	file  *objectstore.Object            // stored; nil before
	given map[string]string              // the parts that came, by name; of the file its name
	keep  bool                           // the file becomes an upload, which outlives the request
	kept  *uuid.UUID                     // that upload, once it is stored
	sum   string                         // SHA-256 of the file, once it is stored
	set   func(name, value string) error // takes a field
}

func (h *handlers) importForm() *importForm {
	f := &importForm{h: h, given: map[string]string{}}
	f.set = func(name, value string) error { return setField(&f.req, name, value) }
	return f
}

var errNotImport = fault.New(fault.UnsupportedMedia,
	"send the file as multipart/form-data, or the upload_id of one that was sent as application/json")

// readAny takes the request in each of its kinds.
func (f *importForm) readAny(ctx context.Context, form *multipart.Reader, fields *importFields) (err error) {
	switch {
	case form != nil:
		err = f.read(ctx, form)
	case fields != nil:
		err = f.readJSON(*fields)
	default:
		return errNotImport
	}
	switch {
	case err != nil:
		return err
	case f.file == nil && f.req.Upload == nil:
		return fieldFault("file", "is required, or upload_id")
	case f.both():
		return fieldFault("upload_id", "is given beside a file; exactly one of both is needed")
	}
	return nil
}

// both reports whether a file and an upload came.
func (f *importForm) both() bool {
	_, file := f.given["file"]
	_, upload := f.given["upload_id"]
	return file && upload
}

// importFields are the fields of an import in JSON. What is no string is spelt as a form spells it.
type importFields map[string]json.RawMessage

func (f *importForm) readJSON(fields importFields) error {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		var value string
		switch raw := fields[name]; {
		case string(raw) == "null":
			continue
		case json.Unmarshal(raw, &value) != nil:
			value = string(raw)
		}
		if err := f.set(name, value); err != nil {
			return fieldFault(name, err.Error())
		}
	}
	return nil
}

// read takes the parts in the order they come. Every error but one of the store says what is wrong with the form.
func (f *importForm) read(ctx context.Context, parts *multipart.Reader) error {
	for {
		part, err := parts.NextPart()
		if err == io.EOF { //nolint:errorlint // itself it is the end of the form; wrapped it is an error
			return nil
		}
		if err != nil {
			return formFault(err)
		}
		if err := f.take(ctx, part); err != nil {
			return err
		}
	}
}

// formFault explains an error of the form's reader. The body's own errors are told by keepMoving and limitBody.
func formFault(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return fmt.Errorf("httpapi: read form: %w", err)
	}
	return fault.Wrap(err, fault.Malformed, "the form cannot be read: it breaks off, or is no multipart/form-data")
}

func fieldFault(name, message string) error {
	return fault.New(fault.Invalid, "the form does not fit").WithFields(fault.Field{Field: name, Message: message})
}

func (f *importForm) take(ctx context.Context, part *multipart.Part) error {
	name := part.FormName()
	_, twice := f.given[name]
	switch {
	case name == "":
		return fault.New(fault.Malformed, "a part of the form has no name")
	case twice:
		return fieldFault(name, "is given twice")
	case name == "file":
		f.given[name] = fileName(part.FileName())
		return f.store(ctx, part)
	}
	value, err := readField(name, part)
	if err != nil {
		return err
	}
	f.given[name] = value
	if err := f.set(name, value); err != nil {
		return fieldFault(name, err.Error())
	}
	return nil
}

// fingerprint tells the form from others: by its fields, whatever their order, and the file's bytes.
func (f *importForm) fingerprint() (parts [][]byte) {
	for _, name := range slices.Sorted(maps.Keys(f.given)) {
		parts = append(parts, []byte(name), []byte(f.given[name]))
	}
	if f.sum != "" {
		parts = append(parts, []byte(f.sum))
	}
	return parts
}

// fieldBytes is how much one part other than the file may hold.
const fieldBytes = 1 << 20

func readField(name string, part io.Reader) (string, error) {
	raw, err := io.ReadAll(io.LimitReader(part, fieldBytes+1))
	switch {
	case err != nil:
		return "", formFault(err)
	case len(raw) > fieldBytes:
		return "", fault.Newf(fault.TooLarge, "the form field %q is larger than %d bytes, the most that is taken", name, fieldBytes)
	case !utf8.Valid(raw):
		return "", fieldFault(name, "must be UTF-8 text")
	}
	return string(raw), nil
}

// store streams the file's part to the store.
func (f *importForm) store(ctx context.Context, part *multipart.Part) error {
	f.req.FileName = fileName(part.FileName())
	limit := f.h.cfg.UploadBytes
	body := &limitedPart{r: part, left: limit}
	err := f.put(ctx, body)
	switch {
	case body.over:
		return fault.Newf(fault.TooLarge, "the file is larger than %d bytes, the most that is taken", limit).
			WithFields(fault.Field{Field: "file", Message: "is too large"})
	case body.err != nil:
		return formFault(body.err)
	case err != nil:
		return err
	}
	return nil
}

func (f *importForm) put(ctx context.Context, body io.Reader) error {
	if f.keep {
		u, err := f.h.cfg.Importers.StoreUpload(ctx, caller(ctx), f.req.FileName, body)
		if err == nil {
			f.kept, f.req.Upload, f.sum = &u.ID, &u.ID, u.SHA256
		}
		return err
	}
	obj, err := f.h.cfg.Importers.Upload(ctx, caller(ctx), f.req.FileName, body)
	f.file, f.sum = &obj, obj.SHA256
	return err
}

// maxFileName is how much of a file's name is kept, in characters.
const maxFileName = 255

// fileName gives a name that a database and a header can hold; a file without one is an "upload".
func fileName(given string) string {
	name := []rune(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(given, "\uFFFD")))
	if len(name) == 0 {
		return "upload"
	}
	return string(name[max(0, len(name)-maxFileName):]) // its end says what kind it is
}

// limitedPart fails, rather than ends, past its limit, and remembers what broke it.
type limitedPart struct {
	r    io.Reader
	left int64
	over bool
	err  error
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
	if err != nil && !errors.Is(err, io.EOF) {
		l.err = err
	}
	return n, err //nolint:wrapcheck // io.EOF must stay
}

// settle deletes the upload after Start refused it. A failure of ours is no refusal: the import may have been written, only
// its answer lost, and then its file must stay.
func (f *importForm) settle(ctx context.Context, err error) {
	if statuses[fault.CodeOf(err)] < http.StatusInternalServerError {
		f.discard(ctx)
		return
	}
	if f.file == nil {
		return
	}
	f.h.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "upload kept: whether its import began is not known",
		append(identity(ctx), slog.String("object", f.file.Key))...)
}

// unkeep deletes the upload that a refused form's file became, of which nobody knows, and gives the refusal back.
func (f *importForm) unkeep(ctx context.Context, refusal error) error {
	if f.kept == nil {
		return refusal
	}
	return errors.Join(refusal, f.h.cfg.Importers.DeleteUpload(context.WithoutCancel(ctx), caller(ctx), *f.kept))
}

func (f *importForm) discard(ctx context.Context) {
	if f.file == nil {
		return
	}
	if err := f.h.cfg.Importers.Discard(ctx, *f.file); err != nil {
		f.h.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "refused upload not deleted",
			append(identity(ctx), slog.String("object", f.file.Key), slog.String("error", err.Error()))...)
	}
}
