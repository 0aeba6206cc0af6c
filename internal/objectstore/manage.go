package objectstore

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

var errNoPrefix = errors.New("objectstore: an empty prefix would mean the whole bucket")

// Head tells about an object without its bytes. NotFound, Unavailable.
func (s *Store) Head(ctx context.Context, key string) (Object, error) {
	out, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: &s.cfg.Bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled,
	})
	if err != nil {
		return Object{}, failed(ctx, "look at "+key, err)
	}
	return Object{
		Key:         key,
		Bytes:       aws.ToInt64(out.ContentLength),
		SHA256:      wholeSum(out),
		ContentType: aws.ToString(out.ContentType),
		Modified:    aws.ToTime(out.LastModified),
	}, nil
}

// wholeSum gives the SHA-256 of an object in hex where the store has checked one; "" else. That of an upload in parts is one of
// its parts' sums, and no use.
func wholeSum(out *s3.HeadObjectOutput) string {
	sum, err := base64.StdEncoding.DecodeString(aws.ToString(out.ChecksumSHA256))
	if err != nil || len(sum) != sha256.Size || out.ChecksumType == types.ChecksumTypeComposite {
		return ""
	}
	return hex.EncodeToString(sum)
}

// Delete removes the object; an absent one is no error. Unavailable.
func (s *Store) Delete(ctx context.Context, key string) error {
	_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.cfg.Bucket, Key: &key})
	if err != nil && !isNotFound(err) {
		return failed(ctx, "delete "+key, err)
	}
	return nil
}

// DeletePrefix removes all objects whose keys begin with prefix, which is not empty, and counts them. After an error
// some may remain; calling again goes on. Unavailable.
func (s *Store) DeletePrefix(ctx context.Context, prefix string) (int, error) {
	if prefix == "" {
		return 0, errNoPrefix
	}
	for n := 0; ; {
		// Always the first page: whether a listing can be continued after its keys were deleted differs by server.
		page, err := s.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &s.cfg.Bucket, Prefix: &prefix})
		if err != nil {
			return n, failed(ctx, "list "+prefix, err)
		}
		if len(page.Contents) == 0 {
			return n, nil
		}
		if err := s.deleteAll(ctx, page.Contents); err != nil {
			return n, err
		}
		n += len(page.Contents)
	}
}

// deleteAll removes one page, which is as many as one request takes.
func (s *Store) deleteAll(ctx context.Context, objects []types.Object) error {
	batch := make([]types.ObjectIdentifier, len(objects))
	for i, o := range objects {
		batch[i].Key = o.Key
	}
	out, err := s.client.DeleteObjects(ctx, &s3.DeleteObjectsInput{
		Bucket: &s.cfg.Bucket,
		Delete: &types.Delete{Objects: batch, Quiet: aws.Bool(true)},
	})
	if err != nil {
		return failed(ctx, fmt.Sprintf("delete %d objects", len(batch)), err)
	}
	if len(out.Errors) > 0 {
		first := out.Errors[0]
		return fmt.Errorf("objectstore: delete: %d of %d failed, first %s: %s",
			len(out.Errors), len(batch), aws.ToString(first.Key), aws.ToString(first.Code))
	}
	return nil
}

// List walks the objects whose keys begin with prefix, in the order of keys, with their size and time but no content
// type. The walk ends after an error. Unavailable.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{Bucket: &s.cfg.Bucket, Prefix: &prefix})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(Object{}, failed(ctx, "list "+prefix, err))
				return
			}
			for _, o := range page.Contents {
				if !yield(Object{
					Key: aws.ToString(o.Key), Bytes: aws.ToInt64(o.Size), Modified: aws.ToTime(o.LastModified),
				}, nil) {
					return
				}
			}
		}
	}
}

// AbortUploads forgets the multipart uploads under prefix that began before olderThan, and counts them: what a killed
// process left behind costs space that no listing shows. Give it an age that no running Put reaches. Unavailable.
func (s *Store) AbortUploads(ctx context.Context, prefix string, olderThan time.Time) (int, error) {
	n := 0
	pages := s3.NewListMultipartUploadsPaginator(s.client,
		&s3.ListMultipartUploadsInput{Bucket: &s.cfg.Bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if errorCode(err) == noSuchUpload { // some servers' word for a bucket that never had one
			return n, nil
		}
		if err != nil {
			return n, failed(ctx, "list uploads "+prefix, err)
		}
		for _, u := range page.Uploads {
			if !aws.ToTime(u.Initiated).Before(olderThan) {
				continue
			}
			if err := s.abortUpload(ctx, aws.ToString(u.Key), u.UploadId); err != nil {
				return n, err
			}
			n++
		}
	}
	return n, nil
}

// abortUpload forgets one multipart upload; an absent one is no error.
func (s *Store) abortUpload(ctx context.Context, key string, id *string) error {
	_, err := s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: &s.cfg.Bucket, Key: &key, UploadId: id,
	})
	if err != nil && errorCode(err) != noSuchUpload {
		return failed(ctx, "abort "+key, err)
	}
	return nil
}
