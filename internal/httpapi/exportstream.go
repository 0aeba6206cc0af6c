package httpapi

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/labstack/echo/v4"

	"wharf/internal/exporter"
	"wharf/internal/tenancy"
)

// StreamExport answers with all of the tenant's rows.
func (h *handlers) StreamExport(ctx context.Context, req StreamExportRequestObject) (StreamExportResponseObject, error) {
	return exportAnswer{h.cfg.Exports.Stream, ctx, acceptsGzip(text(req.Params.AcceptEncoding))}, nil
}

// StreamDump answers with the portable document.
func (h *handlers) StreamDump(ctx context.Context, req StreamDumpRequestObject) (StreamDumpResponseObject, error) {
	var include []string
	if orElse(req.Params.IncludeTimeline, false) {
		include = []string{exporter.IncludeTimeline}
	}
	write := func(ctx context.Context, p tenancy.Principal, open func(name string) io.Writer) error {
		return h.cfg.Exports.StreamDump(ctx, p, include, open)
	}
	return exportAnswer{write, ctx, acceptsGzip(text(req.Params.AcceptEncoding))}, nil
}

// exportAnswer is the document on its way. Until its first byte an error is answered as any other; after that it cuts the
// connection (logRequest), so that half a document never ends like a whole one.
type exportAnswer struct {
	document func(ctx context.Context, p tenancy.Principal, open func(name string) io.Writer) error
	ctx      context.Context //nolint:containedctx // an answer to one request
	gzip     bool
}

// VisitStreamExportResponse writes the answer.
func (a exportAnswer) VisitStreamExportResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitStreamDumpResponse writes the answer.
func (a exportAnswer) VisitStreamDumpResponse(w http.ResponseWriter) error { return a.write(w) }

// write answers. Whoever asked for the header alone gets it, and nothing is read.
func (a exportAnswer) write(w http.ResponseWriter) error {
	body := &documentBody{w: w, flush: http.NewResponseController(w).Flush}
	if isHead(a.ctx) {
		body.begin("", a.gzip)
		return nil
	}
	err := a.document(a.ctx, caller(a.ctx), func(name string) io.Writer {
		body.begin(name, a.gzip)
		return body
	})
	if err != nil {
		return err
	}
	return body.close()
}

// documentBody is the body of the answer, compressed or as it is.
type documentBody struct {
	w     http.ResponseWriter
	gz    *gzip.Writer // nil: not compressed
	flush func() error
}

func (b *documentBody) begin(name string, compressed bool) {
	h := b.w.Header()
	h.Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-store")
	if name != "" {
		h.Set(echo.HeaderContentDisposition, attachment(name))
	}
	if compressed {
		h.Set(echo.HeaderContentEncoding, "gzip")
		b.gz, _ = gzip.NewWriterLevel(b.w, gzip.BestSpeed) // a level that there is
	}
	b.w.WriteHeader(http.StatusOK)
}

// Write sends rows.
func (b *documentBody) Write(p []byte) (int, error) {
	if b.gz != nil {
		return b.gz.Write(p) //nolint:wrapcheck // the connection's, as the others here
	}
	return b.w.Write(p) //nolint:wrapcheck
}

// Flush sends what is held back, so that the client sees the answer begin.
func (b *documentBody) Flush() error {
	if b.gz != nil {
		if err := b.gz.Flush(); err != nil {
			return err //nolint:wrapcheck
		}
	}
	if err := b.flush(); err != nil {
		return fmt.Errorf("httpapi: flush: %w", err)
	}
	return nil
}

func (b *documentBody) close() error {
	if b.gz != nil {
		return b.gz.Close() //nolint:wrapcheck
	}
	return nil
}

// attachment names a file to be saved: in quotes, unless its name needs another form (RFC 6266).
func attachment(name string) string {
	for _, r := range name {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return mime.FormatMediaType("attachment", map[string]string{"filename": name})
		}
	}
	return `attachment; filename="` + name + `"`
}

// acceptsGzip reads an Accept-Encoding header (RFC 9110, 12.5.3). What names neither gzip nor a star wants neither.
func acceptsGzip(header string) bool {
	star := false
	for part := range strings.SplitSeq(header, ",") {
		coding, params, _ := strings.Cut(part, ";")
		q := 1.0
		if value, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			q, _ = strconv.ParseFloat(value, 64) // what is no number wants nothing
		}
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip", "x-gzip":
			return q > 0
		case "*":
			star = q > 0
		}
	}
	return star
}
