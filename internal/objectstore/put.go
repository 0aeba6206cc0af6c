package objectstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"wharf/internal/fault"
)

// grace is how long parts in flight may go on after the context of their Put ended.
const grace = 5 * time.Second

// Put stores what r yields, of unknown length, under the key, and gives its size and SHA-256. An error of r comes
// back as it is, wrapped; nothing of the object stays then. TooLarge beyond 10,000 parts; Unavailable.
//
// A reader that blocks holds Put up even if ctx has ended: end it together with ctx (a request's body does so by
// itself, a pipe by CloseWithError).
func (s *Store) Put(ctx context.Context, key, contentType string, r io.Reader) (Object, error) {
	if contentType == "" {
		contentType = defaultContentType
	}
	u := &upload{store: s, key: key, contentType: contentType, source: r, sum: sha256.New()}
	first := s.buffer()
	n, err := u.fill(ctx, *first)
	switch {
	case errors.Is(err, io.EOF):
		err = u.putWhole(ctx, (*first)[:n])
		s.release(first)
	case err != nil:
		s.release(first)
	default:
		err = u.putParts(ctx, first)
	}
	if err != nil {
		return Object{}, err
	}
	sum := hex.EncodeToString(u.sum.Sum(nil))
	return Object{Key: key, Bytes: u.bytes, SHA256: sum, ContentType: contentType}, nil
}

// buffer gives one that is free, or a new one. (A sync.Pool forgets its own with every other garbage collection, and large
// buffers would be made again and again.)
func (s *Store) buffer() *[]byte {
	select {
	case b := <-s.buffers:
		return b
	default:
		b := make([]byte, s.cfg.PartBytes)
		return &b
	}
}

// release gives a buffer back; those of several Puts at a time are not all kept.
func (s *Store) release(b *[]byte) {
	select {
	case s.buffers <- b:
	default:
	}
}

// upload is one Put on its way.
type upload struct {
	store            *Store
	key, contentType string
	source           io.Reader
	sum              hash.Hash
	bytes            int64

	id    *string // of the multipart upload
	parts []*types.CompletedPart
}

// fill reads until buf is full or the source ends, which is io.EOF beside the bytes read.
func (u *upload) fill(ctx context.Context, buf []byte) (int, error) {
	n := 0
	for n < len(buf) {
		if err := ctx.Err(); err != nil {
			return n, fmt.Errorf("objectstore: put %s: %w", u.key, err)
		}
		m, err := u.source.Read(buf[n:])
		u.sum.Write(buf[n : n+m])
		n, u.bytes = n+m, u.bytes+int64(m)
		if errors.Is(err, io.EOF) {
			return n, io.EOF
		}
		if err != nil {
			return n, fmt.Errorf("objectstore: put %s: read source: %w", u.key, err)
		}
	}
	return n, nil
}

func (u *upload) putWhole(ctx context.Context, body []byte) error {
	_, err := u.store.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &u.store.cfg.Bucket, Key: &u.key, ContentType: &u.contentType,
		Body: bytes.NewReader(body), ChecksumCRC32: checksum(body),
	}, unsignedBody)
	if err != nil {
		return failed(ctx, "put "+u.key, err)
	}
	return nil
}

// putParts sends the full buffer first and all that follows, and joins the parts. It aborts on every error.
func (u *upload) putParts(ctx context.Context, first *[]byte) error {
	created, err := u.store.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &u.store.cfg.Bucket, Key: &u.key, ContentType: &u.contentType,
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
	})
	if err != nil {
		u.store.release(first)
		return failed(ctx, "begin "+u.key, err)
	}
	u.id = created.UploadId
	err = u.sendAll(ctx, first)
	if err == nil {
		err = u.join(ctx)
	}
	if err != nil {
		return u.abort(ctx, err)
	}
	return nil
}

// sendAll reads in this goroutine and sends in Concurrency others. It returns after all of them ended.
//
// Neither the end of ctx nor another part's failure cuts a part short, but for the grace: a server that is busy with a
// part when the abort arrives may keep that part.
func (u *upload) sendAll(ctx context.Context, first *[]byte) error {
	senders, reading := errgroup.WithContext(ctx)
	senders.SetLimit(u.store.cfg.Concurrency)
	sending, cut := outliving(ctx, grace)
	defer cut()
	u.send(sending, senders, first, len(*first))

	readErr := u.readAll(reading, sending, senders)
	stopped := reading.Err() != nil // then reading failed because sending had
	if err := senders.Wait(); err != nil && (stopped || readErr == nil) {
		return err //nolint:wrapcheck // by send
	}
	return readErr
}

// outliving gives a context that ends the grace after ctx did, or when cut is called.
func outliving(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		_ = wait(longer, grace)
		cancel()
	})
	return longer, func() {
		stop()
		cancel()
	}
}

// readAll cuts the rest of the source into parts until it ends.
func (u *upload) readAll(ctx, sending context.Context, senders *errgroup.Group) error {
	for {
		buf := u.store.buffer()
		n, err := u.fill(ctx, *buf)
		ended := errors.Is(err, io.EOF)
		if err != nil && !ended || n == 0 {
			u.store.release(buf)
			return ignoreEOF(err)
		}
		if len(u.parts) == maxParts {
			u.store.release(buf)
			return fault.Newf(fault.TooLarge, "an object has at most %d bytes", u.store.cfg.PartBytes*maxParts)
		}
		u.send(sending, senders, buf, n)
		if ended {
			return nil
		}
	}
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// send hands n bytes of buf to a sender, waiting for a free one, and gives the buffer back after.
func (u *upload) send(ctx context.Context, senders *errgroup.Group, buf *[]byte, n int) {
	part := &types.CompletedPart{PartNumber: aws.Int32(int32(len(u.parts) + 1))} // at most maxParts
	u.parts = append(u.parts, part)
	senders.Go(func() error {
		defer u.store.release(buf)
		part.ChecksumCRC32 = checksum((*buf)[:n])
		out, err := u.store.client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &u.store.cfg.Bucket, Key: &u.key, UploadId: u.id,
			PartNumber: part.PartNumber, Body: bytes.NewReader((*buf)[:n]), ChecksumCRC32: part.ChecksumCRC32,
		}, unsignedBody)
		if err != nil {
			return failed(ctx, fmt.Sprintf("put part %d of %s", *part.PartNumber, u.key), err)
		}
		part.ETag = out.ETag
		return nil
	})
}

// checksum is what the server compares the body with.
func checksum(body []byte) *string {
	sum := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(body))
	return aws.String(base64.StdEncoding.EncodeToString(sum))
}

// unsignedBody leaves the body out of the signature, as the SDK itself does over TLS: the checksum guards it, and one
// SHA-256 less on either side is a quarter of the time of an upload.
func unsignedBody(o *s3.Options) {
	o.APIOptions = append(o.APIOptions, v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware)
}

// join makes the parts one object. If the upload is gone, an earlier attempt whose answer was lost may have joined
// them: then the object is there, with the size that was sent.
func (u *upload) join(ctx context.Context) error {
	parts := make([]types.CompletedPart, len(u.parts))
	for i, p := range u.parts {
		parts[i] = *p
	}
	_, err := u.store.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &u.store.cfg.Bucket, Key: &u.key, UploadId: u.id,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	if err == nil {
		return nil
	}
	if errorCode(err) == noSuchUpload {
		if o, headErr := u.store.Head(ctx, u.key); headErr == nil && o.Bytes == u.bytes {
			return nil
		}
	}
	return failed(ctx, "complete "+u.key, err)
}

// abort forgets the parts, even if ctx has ended, and gives the cause back.
func (u *upload) abort(ctx context.Context, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), u.store.cfg.Patience)
	defer cancel()
	if err := u.store.abortUpload(ctx, u.key, u.id); err != nil {
		return errors.Join(cause, err)
	}
	return cause
}
