package objectstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"wharf/internal/fault"
)

// Get opens length bytes of the object from offset on; length -1 means to its end, and a range that reaches past
// the end stops there. The caller closes the body, whose reads survive broken connections (see the package comment)
// and fail when ctx ends. NotFound; Invalid if offset is behind the end; Unavailable, also from the body's Read.
func (s *Store) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, Object, error) {
	if offset < 0 || length < -1 {
		return nil, Object{}, fmt.Errorf("objectstore: get %s: no such range: %d, %d", key, offset, length)
	}
	if length == 0 {
		return s.emptyRange(ctx, key, offset)
	}
	end := int64(-1)
	if length > 0 {
		end = offset + length
	}
	out, err := s.open(ctx, key, offset, end, nil)
	if errorCode(err) == "InvalidRange" {
		return s.emptyRange(ctx, key, offset)
	}
	if err != nil {
		return nil, Object{}, failed(ctx, "get "+key, err)
	}
	size := aws.ToInt64(out.ContentLength)
	b := &body{ctx: ctx, store: s, key: key, etag: out.ETag, position: offset, end: offset + size, open: out.Body}
	return b, Object{
		Key:         key,
		Bytes:       totalBytes(out, offset+size),
		ContentType: aws.ToString(out.ContentType),
		Modified:    aws.ToTime(out.LastModified),
	}, nil
}

// open asks for the bytes from offset to end (exclusive; -1: all), of the version etag if that is not nil.
func (s *Store) open(ctx context.Context, key string, offset, end int64, etag *string) (*s3.GetObjectOutput, error) {
	in := &s3.GetObjectInput{Bucket: &s.cfg.Bucket, Key: &key, IfMatch: etag}
	switch {
	case end >= 0:
		in.Range = aws.String(fmt.Sprintf("bytes=%d-%d", offset, end-1))
	case offset > 0:
		in.Range = aws.String(fmt.Sprintf("bytes=%d-", offset))
	}
	return s.client.GetObject(ctx, in) //nolint:wrapcheck // the callers know what they tried
}

// emptyRange answers for a range without bytes, which HTTP cannot ask for.
func (s *Store) emptyRange(ctx context.Context, key string, offset int64) (io.ReadCloser, Object, error) {
	o, err := s.Head(ctx, key)
	if err != nil {
		return nil, Object{}, err
	}
	if offset > o.Bytes {
		return nil, Object{}, fault.Newf(fault.Invalid, "the object has %d bytes; none at %d", o.Bytes, offset)
	}
	return io.NopCloser(bytes.NewReader(nil)), o, nil
}

// totalBytes takes the object's size from "bytes 0-99/1234"; end is the answer where all was sent.
func totalBytes(out *s3.GetObjectOutput, end int64) int64 {
	_, total, found := strings.Cut(aws.ToString(out.ContentRange), "/")
	if n, err := strconv.ParseInt(total, 10, 64); found && err == nil {
		return n
	}
	return end
}

// body reads [position, end) of one version of an object over as many connections as that takes.
type body struct {
	ctx           context.Context //nolint:containedctx // io.Reader has no other way
	store         *Store
	key           string
	etag          *string
	position, end int64
	open          io.ReadCloser // nil after it broke

	breaks int           // in a row, without a byte between
	waited time.Duration // for those
}

// Read gives what is there, and opens the object again where the connection broke.
func (b *body) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for b.position < b.end {
		if err := b.ctx.Err(); err != nil { // the connection's buffers would go on delivering
			return 0, fmt.Errorf("objectstore: read %s at %d: %w", b.key, b.position, err)
		}
		if b.open == nil {
			if err := b.reopen(); err != nil {
				return 0, err
			}
		}
		n, err := b.open.Read(p[:min(int64(len(p)), b.end-b.position)])
		if err != nil {
			b.drop()
		}
		if n > 0 {
			b.position += int64(n)
			b.breaks, b.waited = 0, 0
			return n, nil
		}
		if err != nil {
			if err := b.pause(err); err != nil {
				return 0, err
			}
		}
	}
	return 0, io.EOF
}

// pause waits before the next attempt, the longer the more failed; it gives the error to return when that is enough.
func (b *body) pause(cause error) error {
	if errors.Is(cause, io.EOF) {
		cause = io.ErrUnexpectedEOF
	}
	if b.waited >= b.store.cfg.Patience {
		return fault.Wrap(fmt.Errorf("objectstore: read %s at %d: %w", b.key, b.position, cause),
			ErrUnavailable.Code, ErrUnavailable.Message)
	}
	d := delay(b.breaks)
	b.breaks, b.waited = b.breaks+1, b.waited+d
	if err := wait(b.ctx, jittered(d)); err != nil {
		return fmt.Errorf("objectstore: read %s at %d: %w", b.key, b.position, err)
	}
	return nil
}

func (b *body) reopen() error {
	out, err := b.store.open(b.ctx, b.key, b.position, b.end, b.etag)
	if err != nil {
		return failed(b.ctx, fmt.Sprintf("read %s again at %d", b.key, b.position), err)
	}
	b.open = out.Body
	return nil
}

func (b *body) drop() {
	_ = b.open.Close() // nothing was written; the next read tells what matters
	b.open = nil
}

// Close ends the body; it may be called more than once.
func (b *body) Close() error {
	b.end = b.position
	if b.open == nil {
		return nil
	}
	err := b.open.Close()
	b.open = nil
	if err != nil {
		return fmt.Errorf("objectstore: close %s: %w", b.key, err)
	}
	return nil
}
