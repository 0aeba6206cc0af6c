package objectstore

import (
	"net"
	"net/http"
	"syscall"
	"time"
)

const (
	dialWithin = 30 * time.Second
	keepAlive  = 30 * time.Second
)

// guarded gives a transport that dials no address which the guard refuses.
func guarded(guard func(network, address string, c syscall.RawConn) error) *http.Transport {
	dialer := &net.Dialer{Timeout: dialWithin, KeepAlive: keepAlive, Control: func(network, address string, c syscall.RawConn) error {
		if err := guard(network, address, c); err != nil {
			return refused{err}
		}
		return nil
	}}
	t := newTransport(dialer.DialContext)
	t.Proxy = nil
	return t
}

// refused is the guard's answer. Asking again would not change it.
type refused struct{ error }

// Unwrap gives the guard's own error.
func (r refused) Unwrap() error { return r.error }

// RetryableError tells the SDK not to repeat.
func (refused) RetryableError() bool { return false }
