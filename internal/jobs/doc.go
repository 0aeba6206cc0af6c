// Package jobs runs the work that outlasts a request: it enqueues in the caller's transaction, and its workers decode a
// job, call a service, classify the error. River is the queue; its types stay in here. What a job does is a Service's
// business, and a job's arguments are ids only.
//
// # States
//
// A status row (wharf.imports, …) and its job go through their states together:
//
//	  Enqueue ──► row pending                                     job pending      waits for room (fair.go)
//	                  │                                                │ promoted
//	                  │                                                ▼
//	                  │            ┌──────── freed, stopped ─────► available
//	                  ▼            │                                   │ fetched
//	Run begins:   processing       └───────────────────────────── running ◄──────┐
//	                  │                                                │          │ its time has come, and there is room
//	                  ├── error, attempts left ── stays processing ────┼──► pending ("retryable" to people)
//	                  │                                                │
//	                  ├── Complete, in the merge's transaction ──► completed       row completed (or review)
//	                  ├── error that stays, bad input ───────────► cancelled       row failed, with the reason
//	                  ├── last attempt failed, or its worker died ► discarded      row failed, "internal error; …"
//	                  └── Cancel ────────────────────────────────► cancelled       row cancelled
//
//	Retry: row failed | cancelled → pending with a new job, in one transaction; the old job stays as it ended, linked.
//
// # Invariants
//
//  1. A job may run twice, die at any line, and run again: the outcome is that of one run. Whatever a run writes at its
//     end, in Complete or in settle, is fenced by job, attempt and worker: nothing is written for a run that is no longer
//     the job's. River's own end of a run checks the job's state only, so it is told that nothing is left to write
//     (settled, in worker.go). It writes all the same about a job that was cancelled while it ran; a final state is
//     therefore final, and what is retried is a job of its own (retry.go).
//  2. A job's end and its row's end commit together: in the service's transaction, by Complete; else in settle. What
//     River ends by itself (a job it cannot decode, one stuck beyond every timeout) the sweeper reconciles, as it does
//     with rows whose job is gone. So every row comes to a final state.
//  3. A worker lives by its lease, an entry in wharf.workers that it renews every Config.Heartbeat over connections of its
//     own. Config.Lease after the last heartbeat, on the database's clock, the sweeper (one at a time, in every worker)
//     gives its jobs back; with the defaults they run again within 30 seconds. The same holds for a job that a living
//     worker does not know it has, because the database went away between the fetch and its answer. A worker that was
//     taken for dead finds out at its next heartbeat and ends the contexts of the runs it lost; the fence does the rest.
//  4. Of one tenant and queue no more than Config.TenantConcurrency jobs are available or running; the others wait, and
//     tenants take turns. Whoever takes a job from pending to available holds the lock of that tenant and queue.
//     A job that River rescues because it outran every timeout is the one exception: it comes back by River's scheduler.
//  5. Once Cancel was answered, the running job commits nothing more: Complete refuses.
//
// Transactions lock the status row before the job, as a merge does. Cancel and Retry, which are given a job, look at it first; they
// may lose to a deadlock with a run taken for dead, which answers Unavailable.
//
// Behind a pooler in transaction mode set Config.PollOnly, and pgx's QueryExecModeExec on the pool.
package jobs
