// Package samplemigrations holds the schema of the sample product, a CRM and a jewellery store, as goose migrations.
//
// The demo and the tests apply them after Wharf's own, as the role that owns the product's tables; a real deployment
// leaves them out. They need a role wharf_service to grant to, and no extension.
package samplemigrations

import "embed"

// FS holds the migrations, numbered in the order they are applied.
//
//go:embed *.sql
var FS embed.FS
