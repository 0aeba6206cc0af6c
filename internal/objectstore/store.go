package objectstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/logging"
)

const (
	idleConnections = 64
	// silence is how long a connection may deliver nothing before it counts as broken. It covers the sending of a
	// part as well, so it must exceed what 8 MiB take on a slow line (28 KB/s here).
	silence = 5 * time.Minute
	// socketBuffer is the size of a connection's buffers towards the kernel: 4 KiB, the default, costs a system call
	// for each.
	socketBuffer = 64 << 10
)

// Object is one stored object.
type Object struct {
	Key         string
	Bytes       int64  // of the whole object, also where a range was asked for
	SHA256      string // hex; from Put, and from Head where a signed PUT promised it; else "": S3 does not know it
	ContentType string
	Modified    time.Time // zero from Put
}

// Store is a bucket. It is safe for concurrent use.
type Store struct {
	cfg       Config
	client    *s3.Client
	presigner *s3.PresignClient // signs for the public endpoint
	transport *http.Transport
	buffers   chan *[]byte // PartBytes long, out of use: as many as a Put needs are kept
}

type dialer func(ctx context.Context, network, addr string) (net.Conn, error)

// Open prepares a Store; it uses no network. Ping tells whether the bucket is there.
func Open(ctx context.Context, cfg Config) (*Store, error) { return open(ctx, cfg, nil) }

// open is Open with the dialer of a test, where it is not nil.
func open(ctx context.Context, cfg Config, dial dialer) (*Store, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	provider, err := credentialsOf(ctx, cfg)
	if err != nil {
		return nil, err
	}
	transport := newTransport(dial)
	if cfg.Guard != nil {
		transport = guarded(cfg.Guard)
	}
	client := newClient(cfg, cfg.Endpoint, provider, transport)
	public := client
	if cfg.PublicEndpoint != "" {
		public = newClient(cfg, cfg.PublicEndpoint, provider, transport)
	}
	return &Store{
		cfg: cfg, client: client, presigner: s3.NewPresignClient(public), transport: transport,
		buffers: make(chan *[]byte, cfg.Concurrency+1),
	}, nil
}

func credentialsOf(ctx context.Context, cfg Config) (aws.CredentialsProvider, error) {
	if cfg.AccessKey != "" {
		return credentials.NewStaticCredentialsProvider(cfg.AccessKey, cfg.SecretKey, ""), nil
	}
	machine, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion(cfg.Region))
	if err != nil {
		return nil, fmt.Errorf("objectstore: find credentials: %w", err)
	}
	return machine.Credentials, nil
}

func newTransport(dial dialer) *http.Transport {
	t := awshttp.NewBuildableClient().GetTransport() // the SDK's timeouts, and the machine's proxy settings
	t.MaxIdleConnsPerHost = idleConnections
	t.ReadBufferSize, t.WriteBufferSize = socketBuffer, socketBuffer
	t.DisableCompression = true // a stored .gz must arrive as it was stored
	if dial == nil {
		dial = t.DialContext
	}
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err //nolint:wrapcheck // the transport looks at the dialer's own error
		}
		return impatientConn{conn}, nil
	}
	return t
}

// impatientConn fails a read that brings nothing for as long as silence.
type impatientConn struct{ net.Conn }

func (c impatientConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(silence)); err != nil { //nolint:forbidigo // a deadline is wall-clock time
		return 0, err //nolint:wrapcheck // the transport looks at the connection's own error
	}
	return c.Conn.Read(p) //nolint:wrapcheck // as above
}

func newClient(cfg Config, endpoint string, provider aws.CredentialsProvider, t *http.Transport) *s3.Client {
	o := s3.Options{
		Region:       cfg.Region,
		Credentials:  provider,
		UsePathStyle: cfg.PathStyle,
		HTTPClient:   &http.Client{Transport: t, CheckRedirect: noRedirect},
		Retryer:      retryer(cfg.Patience),
		Logger:       logging.Nop{},
		// The signature covers each body's SHA-256, which every S3-compatible server verifies; the SDK's newer
		// trailing checksums are refused by some of them.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	}
	if endpoint != "" {
		o.BaseEndpoint = aws.String(endpoint)
	}
	return s3.New(o)
}

// noRedirect keeps a signed request from wandering to another host.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Close lets go of idle connections.
func (s *Store) Close() { s.transport.CloseIdleConnections() }

// Ping tells whether the bucket can be reached with the credentials, in one attempt. Unavailable if not.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &s.cfg.Bucket}, once)
	if err != nil {
		return failed(ctx, "reach bucket "+s.cfg.Bucket, err)
	}
	return nil
}

func once(o *s3.Options) { o.Retryer = aws.NopRetryer{} }

// EnsureBucket creates the bucket if it is absent. It is for development: a real bucket is made by its owner.
func (s *Store) EnsureBucket(ctx context.Context) error {
	_, err := s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &s.cfg.Bucket})
	if err == nil {
		return nil
	}
	if statusOf(err) != http.StatusNotFound {
		return failed(ctx, "look for bucket "+s.cfg.Bucket, err)
	}
	_, err = s.client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &s.cfg.Bucket})
	var mine *types.BucketAlreadyOwnedByYou
	if err != nil && !errors.As(err, &mine) {
		return failed(ctx, "create bucket "+s.cfg.Bucket, err)
	}
	return nil
}
