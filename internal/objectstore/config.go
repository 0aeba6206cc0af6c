package objectstore

import (
	"errors"
	"fmt"
	"net/url"
	"syscall"
	"time"
)

const (
	defaultRegion      = "us-east-1"
	defaultPartBytes   = 8 << 20
	defaultConcurrency = 2
	defaultPatience    = 20 * time.Second

	minPartBytes = 5 << 20 // S3: every part but the last has at least 5 MiB
	maxParts     = 10_000  // S3: parts of one upload
)

// Config says where the bucket is and how much may be spent on reaching it. Zero values get the defaults named.
type Config struct {
	Endpoint       string // URL of the S3 server; empty: AWS, by Region
	PublicEndpoint string // URL under which browsers reach it, for signed URLs; empty: Endpoint
	Region         string // us-east-1
	Bucket         string // required
	AccessKey      string // empty with SecretKey: what the machine offers (AWS profile, instance or pod role)
	SecretKey      string
	PathStyle      bool          // https://host/bucket/key instead of https://bucket.host/key
	PartBytes      int64         // size of a part and of its buffer, bytes; 8 MiB; an object holds at most 10,000 parts
	Concurrency    int           // parts of one Put in flight; 2
	Patience       time.Duration // how long one request waits for an S3 that is away; 20 s

	// Guard is asked of every address before it is dialled, when its name was resolved, as net.Dialer.Control is; nil: any will do.
	// For stores whose endpoint somebody else chose. With it no proxy is used: the proxy's address is all that it would see.
	Guard func(network, address string, c syscall.RawConn) error
}

func (c Config) withDefaults() Config {
	if c.Region == "" {
		c.Region = defaultRegion
	}
	if c.PartBytes == 0 {
		c.PartBytes = defaultPartBytes
	}
	if c.Concurrency == 0 {
		c.Concurrency = defaultConcurrency
	}
	if c.Patience == 0 {
		c.Patience = defaultPatience
	}
	return c
}

func (c Config) validate() error {
	if c.Bucket == "" {
		return errors.New("objectstore: a bucket is required")
	}
	if (c.AccessKey == "") != (c.SecretKey == "") {
		return errors.New("objectstore: access key and secret key come together")
	}
	if c.PartBytes < minPartBytes {
		return fmt.Errorf("objectstore: parts have at least %d bytes, not %d", minPartBytes, c.PartBytes)
	}
	if c.Concurrency < 1 || c.Patience < 0 {
		return errors.New("objectstore: concurrency and patience are positive")
	}
	for _, endpoint := range []string{c.Endpoint, c.PublicEndpoint} {
		u, err := url.Parse(endpoint)
		if err != nil || (endpoint != "" && (u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"))) {
			return errors.New("objectstore: an endpoint is a URL such as https://s3.example.com")
		}
	}
	return nil
}
