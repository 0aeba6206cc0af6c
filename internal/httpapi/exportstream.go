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
)

// StreamExport answers with all of the tenant's rows.
func (h *handlers) StreamExport(ctx context.Context, req StreamExportRequestObject) (StreamExportResponseObject, error) {
	return exportAnswer{h, ctx, acceptsGzip(text(req.Params.AcceptEncoding))}, nil
}

// exportAnswer is the document on its way. Until its first byte an error is answered as any other; after that it cuts the
// connection (logRequest), so that half a document never ends like a whole one.
type exportAnswer struct {
	h    *handlers
	ctx  context.Context //nolint:containedctx // an answer to one request
	gzip bool
}

// VisitStreamExportResponse writes the answer. Whoever asked for the header alone gets it, and nothing is read.
func (a exportAnswer) VisitStreamExportResponse(w http.ResponseWriter) error {
	body := &documentBody{w: w, flush: http.NewResponseController(w).Flush}
	if isHead(a.ctx) {
		body.begin("", a.gzip)
		return nil
	}
	err := a.h.cfg.Exports.Stream(a.ctx, caller(a.ctx), func(name string) io.Writer {
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
		h.Set(echo.HeaderContentDisposition, mime.FormatMediaType("attachment", map[string]string{"filename": name}))
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
