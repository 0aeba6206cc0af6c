package objectstore

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const defaultContentType = "application/octet-stream"

const maxTTL = 7 * 24 * time.Hour // Signature Version 4

// contentTypes by extension, for downloads. The machine's own table would differ from one host to the next.
var contentTypes = map[string]string{
	".csv":    "text/csv; charset=utf-8",
	".tsv":    "text/tab-separated-values; charset=utf-8",
	".txt":    "text/plain; charset=utf-8",
	".json":   "application/json",
	".jsonl":  "application/x-ndjson",
	".ndjson": "application/x-ndjson",
	".xlsx":   "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".zip":    "application/zip",
	".gz":     "application/gzip",
	".zst":    "application/zstd",
	".age":    defaultContentType,
	".pdf":    "application/pdf",
	".png":    "image/png",
	".jpg":    "image/jpeg",
	".jpeg":   "image/jpeg",
	".webp":   "image/webp",
}

// PresignGet gives a URL that downloads the object as a file of the name for as long as ttl (at most seven days). The
// browser saves it whatever it holds: an uploaded page never runs. It does not look whether the object is there.
func (s *Store) PresignGet(ctx context.Context, key, filename string, ttl time.Duration) (string, error) {
	if err := checkTTL(ttl); err != nil {
		return "", err
	}
	disposition, contentType := disposition(filename), contentTypeOf(filename)
	req, err := s.presigner.PresignGetObject(ctx, &s3.GetObjectInput{
		Bucket: &s.cfg.Bucket, Key: &key,
		ResponseContentDisposition: &disposition, ResponseContentType: &contentType,
	}, s3.WithPresignExpires(ttl))
	if err != nil {
		return "", failed(ctx, "sign get "+key, err)
	}
	return req.URL, nil
}

// PresignPut gives a URL that takes one PUT of exactly that many bytes for as long as ttl (at most seven days), and
// the headers that the request must carry. With the SHA-256 of what will be sent, in hex ("": not known), the store takes
// nothing else, and Head tells it.
func (s *Store) PresignPut(ctx context.Context, key string, bytes int64, sha256 string, ttl time.Duration) (string, http.Header, error) {
	if err := checkTTL(ttl); err != nil {
		return "", nil, err
	}
	in := &s3.PutObjectInput{Bucket: &s.cfg.Bucket, Key: &key, ContentLength: &bytes}
	if sha256 != "" {
		sum, err := hex.DecodeString(sha256)
		if err != nil {
			return "", nil, fmt.Errorf("objectstore: a SHA-256 in hex: %w", err)
		}
		in.ChecksumSHA256 = aws.String(base64.StdEncoding.EncodeToString(sum))
	}
	req, err := s.presigner.PresignPutObject(ctx, in, s3.WithPresignExpires(ttl))
	if err != nil {
		return "", nil, failed(ctx, "sign put "+key, err)
	}
	return req.URL, req.SignedHeader, nil
}

func checkTTL(ttl time.Duration) error {
	if ttl < time.Second || ttl > maxTTL {
		return fmt.Errorf("objectstore: a signed URL lives between a second and seven days, not %s", ttl)
	}
	return nil
}

func contentTypeOf(filename string) string {
	if t, ok := contentTypes[strings.ToLower(path.Ext(filename))]; ok {
		return t
	}
	return defaultContentType
}

// disposition is the header of RFC 6266: the name in UTF-8 (RFC 8187), and in ASCII for clients that know no better.
func disposition(filename string) string {
	filename = strings.Map(printable, filename)
	if filename == "" {
		filename = "download"
	}
	plain := strings.Map(func(r rune) rune {
		if r > '~' || strings.ContainsRune(`"\%`, r) {
			return '_'
		}
		return r
	}, filename)
	header := `attachment; filename="` + plain + `"`
	if plain != filename {
		header += "; filename*=UTF-8''" + strings.ReplaceAll(url.QueryEscape(filename), "+", "%20")
	}
	return header
}

// printable drops control characters, and the separators that would make a path of a name.
func printable(r rune) rune {
	switch {
	case r < ' ' || r == 0x7f:
		return -1
	case r == '/' || r == '\\':
		return '_'
	}
	return r
}
