// Package webhook tells a tenant's own systems what happened: signing secrets, deliveries and their log.
//
// Whoever has news calls Enqueue in the transaction that makes them true: the delivery and its job commit with it. A job
// makes one attempt at a time:
//
//	Enqueue ──► pending ──► attempt ──┬── 2xx ─────────────────────────────► delivered
//	               ▲                  ├── 410 Gone, an address not allowed ► failed
//	               └── waits[n] ──────┴── anything else ── last attempt ───► failed
//
//	Redeliver: delivered | failed | cancelled ──► pending, with a new job.
//
// Invariants:
//
//  1. A delivery is made at least once: a worker may die between the receiver's answer and its being written. The
//     receiver sees the same webhook-id and the same bytes then; only timestamp and signature are new.
//  2. Unless Config.AllowPrivate, nothing is sent but by https, and to no address that is not public. The address is
//     checked when it is dialled, after names were resolved, for every attempt anew. No proxy is asked, no redirect followed.
//  3. Of an answer no more than excerptBytes are read. What the log tells a tenant of a failure names no address and no
//     resolver of this installation.
//  4. A secret is shown when it is made and never again. In the database it is sealed by the key ring, if there is one.
//
// Signatures are those of Standard Webhooks, https://www.standardwebhooks.com.
package webhook
