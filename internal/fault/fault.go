// Package fault holds coded errors: what a caller may know (code, message, fields) apart from what only the log may (cause).
//
// A room returns a *fault.Error where the caller can do something about it, and a plain wrapped error where nobody can:
// an error without a code is Internal, and Internal tells the outside nothing.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Code is the family of an error; httpapi maps each to one HTTP status.
type Code string

// The codes, and what each asks of the caller.
const (
	Malformed        Code = "malformed"         // the request could not be read
	Unauthenticated  Code = "unauthenticated"   // no credential, or one that is not good
	Forbidden        Code = "forbidden"         // known, but not allowed
	NotFound         Code = "not_found"         // absent, or another tenant's
	Conflict         Code = "conflict"          // the state does not allow it now
	Precondition     Code = "precondition"      // If-Match named another version
	TooLarge         Code = "too_large"         // a limit, which the message names
	UnsupportedMedia Code = "unsupported_media" // a kind of content not read here
	Invalid          Code = "invalid"           // read, but wrong: Fields say where
	RateLimited      Code = "rate_limited"      // too many; RetryAfter says when
	Unavailable      Code = "unavailable"       // a part is away; trying again is right
	Internal         Code = "internal"          // ours
)

// Codes lists every code, for tests that walk them.
func Codes() []Code {
	return []Code{
		Malformed, Unauthenticated, Forbidden, NotFound, Conflict, Precondition,
		TooLarge, UnsupportedMedia, Invalid, RateLimited, Unavailable, Internal,
	}
}

// Field is one place of the input that is wrong, e.g. {"fields[2].validators[0].pattern", "…"}.
type Field struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Error is a coded error. Message and Fields are public; the cause is for the log.
type Error struct {
	Code       Code
	Message    string
	Fields     []Field
	RetryAfter time.Duration // zero: not said
	cause      error
}

// New returns an error of the code whose public message is msg.
func New(code Code, msg string) *Error { return &Error{Code: code, Message: msg} }

// Newf is New with a formatted message.
func Newf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap returns an error of the code with msg for the caller and cause for the log.
func Wrap(cause error, code Code, msg string) *Error {
	return &Error{Code: code, Message: msg, cause: cause}
}

// WithFields returns a copy of e that names the wrong places.
func (e *Error) WithFields(fields ...Field) *Error {
	c := *e
	c.Fields = append(append([]Field(nil), e.Fields...), fields...)
	return &c
}

// Error gives the public message and, behind it, the cause. It is for logs: the outside gets Message alone.
func (e *Error) Error() string {
	if e.cause != nil {
		return e.Message + ": " + e.cause.Error()
	}
	return e.Message
}

// Unwrap gives the hidden cause.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is an Error of the same code and message, so that copies made by WithFields still match.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error) //nolint:errorlint // Is compares with the target itself, not with what it wraps
	return ok && t.Code == e.Code && t.Message == e.Message
}

// CodeOf gives the code of the first Error in err's chain; Internal if there is none.
func CodeOf(err error) Code {
	if e, ok := As(err); ok {
		return e.Code
	}
	return Internal
}

// As gives the first Error in err's chain.
func As(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}
