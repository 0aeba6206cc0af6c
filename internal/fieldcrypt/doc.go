// Package fieldcrypt encrypts single fields of the product's rows (@encrypted columns) and makes the keyed hashes by which
// an encrypted column is matched and searched (@hash columns).
//
// Invariants:
//
//  1. A sealed value opens only in its own place: tenant, table and column are authenticated with it. Moved to another
//     row of the same place it opens; moved anywhere else it does not.
//  2. Equal values seal to different bytes each time. Equal values hash to equal bytes within one tenant and column, and
//     to unrelated ones elsewhere.
//  3. No error, no log line and no String shows key material.
//
// A sealed value is Tink's: one byte 0x01, four bytes that name the key, 12 random bytes, the ciphertext, 16 bytes of
// tag. The cipher is AES-256-GCM; its random nonces bound one key to 2³² values, so a ring is rotated before that.
package fieldcrypt
