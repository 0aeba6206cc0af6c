package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
	"github.com/google/uuid"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"wharf/internal/fault"
)

const (
	excerptBytes  = 4 << 10
	headerBytes   = 64 << 10
	longestWait   = 12 * time.Hour // however much later a receiver wants it
	retryAfterKey = "Retry-After"
)

// newClient gives the client of all deliveries. It keeps no connection, so that each attempt is dialled, and checked, anew.
func newClient(cfg Config) *http.Client {
	dialer := &net.Dialer{Resolver: cfg.Resolver}
	if !cfg.AllowPrivate {
		dialer.Control = ssrf.New(ssrf.WithAnyPort()).Safe
	}
	return &http.Client{
		Transport: &http.Transport{
			Proxy: nil, DialContext: dialer.DialContext, DisableKeepAlives: true, DisableCompression: true,
			MaxResponseHeaderBytes: headerBytes,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// CheckURL returns Invalid, with the reason, unless deliveries may go to the URL. Names are not resolved: that is done, and
// the address checked, at each attempt.
func (s *Service) CheckURL(raw string) error {
	if err := s.checkURL(raw); err != nil {
		return err
	}
	return nil
}

func (s *Service) checkURL(raw string) *fault.Error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		return fault.New(fault.Invalid, "the webhook's URL cannot be read")
	case u.Scheme == "https" || (u.Scheme == "http" && s.cfg.AllowPrivate):
		return nil
	default:
		return fault.New(fault.Invalid, "a webhook's URL must begin with https://")
	}
}

// answer is what came of an attempt. err is nil for 2xx, Unavailable where trying again is right, else final.
type answer struct {
	status     *int
	excerpt    *string
	retryAfter time.Duration
	err        *fault.Error
}

// post sends the payload, signed.
func (s *Service) post(ctx context.Context, id uuid.UUID, a attempt) answer {
	if err := s.checkURL(a.URL); err != nil {
		return answer{err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL, bytes.NewReader([]byte(a.Payload)))
	if err != nil {
		return answer{err: fault.Wrap(err, fault.Invalid, "the webhook's URL cannot be read")}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Wharf/"+s.cfg.Version)
	if err := sign(req.Header, id.String(), s.cfg.Now(), []byte(a.Payload), a.secrets); err != nil {
		return answer{err: fault.Wrap(err, fault.Internal, "the webhook could not be signed")}
	}
	res, err := s.client.Do(req)
	if err != nil {
		return answer{err: s.explain(err)}
	}
	defer res.Body.Close()
	return read(res)
}

// sign sets the headers of Standard Webhooks, with a signature by each secret.
func sign(h http.Header, id string, now time.Time, payload []byte, secrets []string) error {
	signatures := make([]string, 0, len(secrets))
	for _, secret := range secrets {
		wh, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			return errors.New("webhook: a stored secret is malformed") // the library's error quotes it
		}
		signature, err := wh.Sign(id, now, payload)
		if err != nil {
			return errors.New("webhook: signing failed")
		}
		signatures = append(signatures, signature)
	}
	h.Set(standardwebhooks.HeaderWebhookID, id)
	h.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	h.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return nil
}

// read takes the status and the beginning of the body.
func read(res *http.Response) answer {
	body, _ := io.ReadAll(io.LimitReader(res.Body, excerptBytes)) // the status has been said; of the body what there is
	excerpt := strings.ReplaceAll(strings.ToValidUTF8(string(body), "�"), "\x00", "")
	a := answer{status: &res.StatusCode, excerpt: &excerpt}
	switch {
	case res.StatusCode >= 200 && res.StatusCode < 300:
	case res.StatusCode == http.StatusGone:
		a.err = fault.New(fault.Conflict, "the receiver answered 410 Gone: it wants no more")
	case res.StatusCode >= 300 && res.StatusCode < 400:
		a.err = fault.Newf(fault.Unavailable, "the receiver answered %d; redirects are not followed", res.StatusCode)
	default:
		a.err = fault.Newf(fault.Unavailable, "the receiver answered %d", res.StatusCode)
		if seconds, err := strconv.Atoi(res.Header.Get(retryAfterKey)); err == nil && seconds > 0 {
			a.retryAfter = min(time.Duration(seconds), longestWait/time.Second) * time.Second
		}
	}
	return a
}

// explain says what went wrong. A tenant reads it, in the log and among its jobs: it holds no address and no resolver.
func (s *Service) explain(err error) *fault.Error {
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var timeout net.Error
	why := "the connection to the receiver failed: " + innermost(err).Error()
	switch {
	case errors.Is(err, ssrf.ErrProhibitedIP) || errors.Is(err, ssrf.ErrProhibitedNetwork) || errors.Is(err, ssrf.ErrInvalidHostPort):
		return fault.New(fault.Forbidden, "the receiver's address is not a public one, which is not allowed")
	case errors.As(err, &dns):
		why = "the receiver's name cannot be resolved"
	case errors.As(err, &certificate):
		why = "the receiver's certificate is not valid"
	case errors.As(err, &timeout) && timeout.Timeout():
		why = "the receiver did not answer within " + s.cfg.Timeout.String()
	case errors.Is(err, syscall.ECONNREFUSED):
		why = "the receiver refused the connection"
	}
	return fault.New(fault.Unavailable, why)
}

// innermost takes off the layers that name URLs and addresses.
func innermost(err error) error {
	for {
		var request *url.Error
		var operation *net.OpError
		switch {
		case errors.As(err, &request):
			err = request.Err
		case errors.As(err, &operation):
			err = operation.Err
		default:
			return err
		}
	}
}
