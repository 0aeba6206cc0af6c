package objectstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"wharf/internal/fault"
)

// No clock is near either.
var (
	past   = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	future = time.Date(2901, 1, 1, 0, 0, 0, 0, time.UTC)
)

// TestConformance holds every S3 server to the contract of the package comment.
func TestConformance(t *testing.T) {
	t.Parallel()
	for _, srv := range servers() {
		t.Run(srv.name, func(t *testing.T) {
			t.Parallel()
			if srv.checksums {
				t.Run("bytes changed on the way are refused", func(t *testing.T) {
					t.Parallel()
					refusesChanged(t, srv.config(t))
				})
				t.Run("a signed URL uploads the bytes it was signed for", func(t *testing.T) {
					t.Parallel()
					signedPutOfKnownBytes(t, srv.config(t))
				})
			}
			for name, test := range map[string]func(*testing.T, Config){
				"an object comes back as it was put":              comesBack,
				"a put replaces the object":                       replaces,
				"a range holds the bytes asked for":               ranges,
				"an absent object is not found":                   absent,
				"a failed put leaves nothing":                     failedPut,
				"a listing shows size and order":                  lists,
				"a prefix is deleted whole and alone":             deletesPrefix,
				"a signed URL downloads under the name":           signedGet,
				"a signed URL ends and cannot be turned":          signedGetEnds,
				"a signed URL uploads the size it was signed for": signedPut,
				"orphaned uploads are swept by age":               sweepsUploads,
				"objects that nobody owns are swept by age":       sweepsOrphans,
				"a wrong secret is refused and not shown":         wrongSecret,
				"an absent bucket is no absent object":            absentBucket,
				"a put survives an outage":                        putSurvives,
				"a get survives broken connections":               getSurvives,
				"a get gives up on an outage without end":         getGivesUp,
			} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(t, srv.config(t))
				})
			}
		})
	}
}

func comesBack(t *testing.T, cfg Config) {
	s, prefix := opened(t, cfg, nil)
	for _, size := range []int{0, 1, partBytes - 1, partBytes, partBytes + 1, 2*partBytes + 777} {
		data := content(size)
		put, err := s.Put(t.Context(), prefix+"f", "text/csv", iotest.HalfReader(bytes.NewReader(data)))
		require.NoError(t, err)
		sum := sha256.Sum256(data)
		require.Equal(t, Object{
			Key: prefix + "f", Bytes: int64(size), SHA256: hex.EncodeToString(sum[:]), ContentType: "text/csv",
		}, put)

		body, got, err := s.Get(t.Context(), prefix+"f", 0, -1)
		require.NoError(t, err)
		back, err := io.ReadAll(body)
		require.NoError(t, err)
		require.NoError(t, body.Close())
		require.True(t, bytes.Equal(data, back), "%d bytes", size)
		require.Equal(t, int64(size), got.Bytes)
		require.Equal(t, "text/csv", got.ContentType)
		require.False(t, got.Modified.IsZero())

		head, err := s.Head(t.Context(), prefix+"f")
		require.NoError(t, err)
		require.Equal(t, got, head)
	}
	require.Zero(t, orphans(t, s, prefix))
}

func replaces(t *testing.T, cfg Config) {
	s, prefix := opened(t, cfg, nil)
	for _, text := range []string{"the first", "the second, longer"} {
		_, err := s.Put(t.Context(), prefix+"f", "", strings.NewReader(text))
		require.NoError(t, err)
		require.Equal(t, text, read(t, s, prefix+"f", 0, -1))
	}
}

func ranges(t *testing.T, cfg Config) {
	s, prefix := opened(t, cfg, nil)
	_, err := s.Put(t.Context(), prefix+"f", "", strings.NewReader("0123456789"))
	require.NoError(t, err)
	for _, tt := range []struct {
		offset, length int64
		want           string
	}{
		{0, -1, "0123456789"},
		{0, 10, "0123456789"},
		{0, 3, "012"},
		{3, 4, "3456"},
		{7, -1, "789"},
		{7, 100, "789"},
		{9, 1, "9"},
		{4, 0, ""},
		{10, -1, ""},
		{10, 5, ""},
	} {
		body, o, err := s.Get(t.Context(), prefix+"f", tt.offset, tt.length)
		require.NoError(t, err, "%+v", tt)
		got, err := io.ReadAll(body)
		require.NoError(t, err)
		require.NoError(t, body.Close())
		require.Equal(t, tt.want, string(got), "%+v", tt)
		require.Equal(t, int64(10), o.Bytes, "%+v", tt)
	}
	_, _, err = s.Get(t.Context(), prefix+"f", 11, -1)
	require.Equal(t, fault.Invalid, fault.CodeOf(err))
}

func absent(t *testing.T, cfg Config) {
	s, prefix := opened(t, cfg, nil)
	_, _, err := s.Get(t.Context(), prefix+"f", 0, -1)
	require.ErrorIs(t, err, ErrNotFound)
	_, _, err = s.Get(t.Context(), prefix+"f", 3, 4)
	require.ErrorIs(t, err, ErrNotFound)
	_, err = s.Head(t.Context(), prefix+"f")
	require.ErrorIs(t, err, ErrNotFound)
	require.NoError(t, s.Delete(t.Context(), prefix+"f"))

	_, err = s.Put(t.Context(), prefix+"f", "", strings.NewReader("x"))
	require.NoError(t, err)
	require.NoError(t, s.Delete(t.Context(), prefix+"f"))
	require.NoError(t, s.Delete(t.Context(), prefix+"f"))
	_, err = s.Head(t.Context(), prefix+"f")
	require.ErrorIs(t, err, ErrNotFound)
}

func failedPut(t *testing.T, cfg Config) {
	s, prefix := opened(t, cfg, nil)
	broken := errors.New("the source broke")
	for _, size := range []int{0, 10, partBytes, 2*partBytes + 10} {
		source := io.MultiReader(bytes.NewReader(content(size)), iotest.ErrReader(broken))
		_, err := s.Put(t.Context(), prefix+"f", "", source)
		require.ErrorIs(t, err, broken)

		ctx, cancel := context.WithCancel(t.Context())
		source = io.MultiReader(bytes.NewReader(content(size)), readerFunc(func(p []byte) (int, error) {
			cancel()
			return copy(p, "more"), nil
		}))
		_, err = s.Put(ctx, prefix+"f", "", source)
		require.ErrorIs(t, err, context.Canceled)

		_, err = s.Head(t.Context(), prefix+"f")
		require.ErrorIs(t, err, ErrNotFound, "%d bytes", size)
		require.Zero(t, orphans(t, s, prefix), "%d bytes", size)
	}
}

func lists(t *testing.T, cfg Config) {
	s, prefix := opened(t, cfg, nil)
	for i, name := range []string{"b/2", "a", "b/1"} {
		_, err := s.Put(t.Context(), prefix+name, "", bytes.NewReader(content(i)))
		require.NoError(t, err)
	}
	var got []string
	for o, err := range s.List(t.Context(), prefix) {
		require.NoError(t, err)
		require.False(t, o.Modified.IsZero())
		got = append(got, fmt.Sprintf("%s=%d", strings.TrimPrefix(o.Key, prefix), o.Bytes))
	}
	require.Equal(t, []string{"a=1", "b/1=2", "b/2=0"}, got)
}

func deletesPrefix(t *testing.T, cfg Config) {
	s, prefix := opened(t, cfg, nil)
	const many = 1005 // more than one page
	puts, ctx := errgroup.WithContext(t.Context())
	puts.SetLimit(4)
	for i := range many {
		puts.Go(func() error {
			_, err := s.Put(ctx, fmt.Sprintf("%sgone/%d", prefix, i), "", strings.NewReader("x"))
			return err
		})
	}
	require.NoError(t, puts.Wait())
	_, err := s.Put(t.Context(), prefix+"stays", "", strings.NewReader("y"))
	require.NoError(t, err)

	n, err := s.DeletePrefix(t.Context(), prefix+"gone/")
	require.NoError(t, err)
	require.Equal(t, many, n)
	n, err = s.DeletePrefix(t.Context(), prefix+"gone/")
	require.NoError(t, err)
	require.Zero(t, n)
	require.Equal(t, "y", read(t, s, prefix+"stays", 0, -1))
	_, err = s.DeletePrefix(t.Context(), "")
	require.ErrorIs(t, err, errNoPrefix)
}

func signedGet(t *testing.T, cfg Config) {
	s, prefix := opened(t, cfg, nil)
	_, err := s.Put(t.Context(), prefix+"f", "", strings.NewReader("a,b\n1,2\n"))
	require.NoError(t, err)
	link, err := s.PresignGet(t.Context(), prefix+"f", "отчёт 1.csv", time.Minute)
	require.NoError(t, err)

	answer, body := fetch(t, http.MethodGet, link, nil, "")
	require.Equal(t, http.StatusOK, answer.StatusCode, body)
	require.Equal(t, "a,b\n1,2\n", body)
	require.Equal(t, "text/csv; charset=utf-8", answer.Header.Get("Content-Type"))
	require.Equal(t, `attachment; filename="_____ 1.csv"; filename*=UTF-8''%D0%BE%D1%82%D1%87%D1%91%D1%82%201.csv`,
		answer.Header.Get("Content-Disposition"))
}

func signedGetEnds(t *testing.T, cfg Config) {
	s, prefix := opened(t, cfg, nil)
	for _, key := range []string{"f", "other"} {
		_, err := s.Put(t.Context(), prefix+key, "", strings.NewReader(key))
		require.NoError(t, err)
	}
	link, err := s.PresignGet(t.Context(), prefix+"f", "f.csv", time.Minute)
	require.NoError(t, err)
	for what, turned := range map[string]string{
		"another object":  strings.Replace(link, prefix+"f?", prefix+"other?", 1),
		"a longer life":   strings.Replace(link, "X-Amz-Expires=60", "X-Amz-Expires=6000", 1),
		"another name":    strings.Replace(link, "f.csv", "g.csv", 1),
		"no signature":    link[:strings.Index(link, "?")],
		"already expired": resign(t, s, link),
	} {
		require.NotEqual(t, link, turned, what)
		answer, body := fetch(t, http.MethodGet, turned, nil, "")
		require.Contains(t, []int{http.StatusForbidden, http.StatusBadRequest, http.StatusUnauthorized}, answer.StatusCode, "%s: %s", what, body)
	}
	_, err = s.PresignGet(t.Context(), prefix+"f", "f", 8*24*time.Hour)
	require.Error(t, err)
}

func signedPut(t *testing.T, cfg Config) {
	s, prefix := opened(t, cfg, nil)
	link, headers, err := s.PresignPut(t.Context(), prefix+"f", 5, "", time.Minute)
	require.NoError(t, err)
	answer, body := fetch(t, http.MethodPut, link, headers, "12345")
	require.Equal(t, http.StatusOK, answer.StatusCode, body)
	require.Equal(t, "12345", read(t, s, prefix+"f", 0, -1))

	answer, _ = fetch(t, http.MethodPut, link, headers, "123456")
	require.Equal(t, http.StatusForbidden, answer.StatusCode)
	require.Equal(t, "12345", read(t, s, prefix+"f", 0, -1))
	o, err := s.Head(t.Context(), prefix+"f")
	require.NoError(t, err)
	require.Empty(t, o.SHA256, "nobody said it")
}

func signedPutOfKnownBytes(t *testing.T, cfg Config) {
	s, prefix := opened(t, cfg, nil)
	sum := sha256.Sum256([]byte("12345"))
	link, headers, err := s.PresignPut(t.Context(), prefix+"f", 5, hex.EncodeToString(sum[:]), time.Minute)
	require.NoError(t, err)
	answer, _ := fetch(t, http.MethodPut, link, headers, "54321")
	require.Equal(t, http.StatusBadRequest, answer.StatusCode, "as long, but another")
	other := headers.Clone()
	other.Set("X-Amz-Checksum-Sha256", base64.StdEncoding.EncodeToString(make([]byte, sha256.Size)))
	answer, _ = fetch(t, http.MethodPut, link, other, "12345")
	require.Equal(t, http.StatusForbidden, answer.StatusCode, "the sum is signed")
	_, err = s.Head(t.Context(), prefix+"f")
	require.ErrorIs(t, err, ErrNotFound)

	answer, body := fetch(t, http.MethodPut, link, headers, "12345")
	require.Equal(t, http.StatusOK, answer.StatusCode, body)
	o, err := s.Head(t.Context(), prefix+"f")
	require.NoError(t, err)
	require.Equal(t, hex.EncodeToString(sum[:]), o.SHA256)
	_, _, err = s.PresignPut(t.Context(), prefix+"f", 5, "no hex", time.Minute)
	require.Error(t, err)
}

func sweepsUploads(t *testing.T, cfg Config) {
	s, prefix := opened(t, cfg, nil)
	for _, name := range []string{"a/1", "a/2", "b/1"} {
		key := prefix + name
		_, err := s.client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &cfg.Bucket, Key: &key})
		require.NoError(t, err)
	}
	n, err := s.AbortUploads(t.Context(), prefix, past)
	require.NoError(t, err)
	require.Zero(t, n, "they are younger")
	n, err = s.AbortUploads(t.Context(), prefix+"a/", future)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.Equal(t, 1, orphans(t, s, prefix))
	require.Zero(t, orphans(t, s, prefix))
}

func wrongSecret(t *testing.T, cfg Config) {
	opened(t, cfg, nil)
	cfg.SecretKey = "not-the-right-secret"
	s, err := Open(t.Context(), cfg)
	require.NoError(t, err)
	defer s.Close()
	_, putErr := s.Put(t.Context(), "k", "", strings.NewReader("x"))
	_, _, getErr := s.Get(t.Context(), "k", 0, -1)
	for _, err := range []error{s.Ping(t.Context()), putErr, getErr} {
		require.Error(t, err)
		require.Equal(t, fault.Internal, fault.CodeOf(err))
		require.NotContains(t, err.Error(), cfg.SecretKey)
		require.NotContains(t, err.Error(), "Signature=")
	}
}

func refusesChanged(t *testing.T, cfg Config) {
	s, prefix := opened(t, cfg, nil)
	key := prefix + "f"
	_, err := s.client.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: &cfg.Bucket, Key: &key, Body: strings.NewReader("as it arrived"), ChecksumCRC32: checksum([]byte("as it was sent")),
	}, unsignedBody)
	require.Error(t, err)
	_, err = s.Head(t.Context(), key)
	require.ErrorIs(t, err, ErrNotFound)
}

func absentBucket(t *testing.T, cfg Config) {
	opened(t, cfg, nil)
	cfg.Bucket = "nobody-made-this"
	s, err := Open(t.Context(), cfg)
	require.NoError(t, err)
	defer s.Close()
	require.Error(t, s.Ping(t.Context()))
	_, _, err = s.Get(t.Context(), "k", 0, -1)
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrNotFound)
}

// orphans counts the multipart uploads under prefix, by aborting them.
func orphans(t *testing.T, s *Store, prefix string) int {
	t.Helper()
	n, err := s.AbortUploads(t.Context(), prefix, future)
	require.NoError(t, err)
	return n
}

func read(t *testing.T, s *Store, key string, offset, length int64) string {
	t.Helper()
	body, _, err := s.Get(t.Context(), key, offset, length)
	require.NoError(t, err)
	b, err := io.ReadAll(body)
	require.NoError(t, err)
	require.NoError(t, body.Close())
	return string(b)
}

// fetch is a browser: it knows the URL and nothing else.
func fetch(t *testing.T, method, link string, headers http.Header, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, link, strings.NewReader(body))
	require.NoError(t, err)
	for name, values := range headers {
		if name != "Host" && name != "Content-Length" { // both follow from the request
			req.Header[name] = values
		}
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, answer.Body.Close()) }()
	got, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer, string(got)
}

// resign gives a link like the one given, rightly signed but long ago.
func resign(t *testing.T, s *Store, link string) string {
	t.Helper()
	u, err := url.Parse(link)
	require.NoError(t, err)
	return signedAt(t, s, u, past)
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
