// Package wharfmigrations holds the migrations of Wharf's own schemas and what its role may do there.
package wharfmigrations

import "embed"

// FS holds the goose migrations, one file a version.
//
//go:embed *.sql
var FS embed.FS
