// Package auth finds out who calls: API keys now, tokens and sessions beside them.
//
// A key is shown once and stored as a hash. It holds 256 random bits, so a plain SHA-256 is enough: there is nothing to
// guess that a slow hash would protect. It is found by its prefix, which is no secret, and compared in constant time.
//
// Invariant: whatever is wrong with a credential, the answer is ErrUnauthenticated, and no error holds a part of it.
package auth

import "wharf/internal/fault"

// ErrUnauthenticated is the one answer to every credential that is not good, so that none tells why.
var ErrUnauthenticated = fault.New(fault.Unauthenticated, "a valid API key is needed: Authorization: Bearer whf_…")
