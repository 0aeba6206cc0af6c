// Package objectstore keeps the files of tenants in an S3 bucket: uploads on their way in, exports and dumps on their
// way out. Everything is streamed; nothing touches the local disk.
//
// # Contract
//
// Who closes. Put reads its reader in the calling goroutine, never after it returned, and does not close it. The
// caller closes the body of Get. Close, at the end of the process, lets go of idle connections; it ends no call.
//
// What is retried. Every request is repeated while S3 refuses connections, breaks them, or answers 5xx or "slow
// down", for Config.Patience in all. Parts are buffered, so that they can be sent again. A body that breaks while it
// is read is opened again at the offset reached, with If-Match, so that a reader never sees two versions of an
// object mixed; it gives up when Patience passed without one byte. Ping alone never repeats.
//
// What is idempotent. Delete of what is absent succeeds. Put of the same key replaces the object in one step:
// readers see the old or the new one, whole. A completion whose answer was lost is found out by a look at the object.
//
// What stays after an error. A failed Put aborts its multipart upload, also when its context was cancelled or its
// reader failed; there is never half an object. So that the abort leaves nothing, parts in flight may end first: up to
// five seconds after the context did. Where even the abort cannot reach S3 the parts wait for AbortUploads,
// which a periodic job calls. An error after the last byte was sent may leave the whole object: S3 may have taken it
// before the answer was lost.
//
// Memory. A Put holds at most Concurrency+1 buffers of PartBytes, whatever the size of the object; a Get holds the
// connection's buffers only.
//
// Errors. Absent is fault.NotFound; S3 away after all retries is fault.Unavailable; a cancelled context is its own
// error; the rest is without a code. No error and no log line holds a credential or a signed URL.
//
// Keys begin with the tenant's id and hold 122 random bits (see Key). A signed URL is as good as the object for as
// long as it lives: give it minutes.
package objectstore
