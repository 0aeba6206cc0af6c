// Package e2e holds tests of the whole: the two binaries as processes, real HTTP, real Postgres, real S3. What they do to
// the processes is what happens in production: they are killed, and what they stand on goes away.
package e2e
