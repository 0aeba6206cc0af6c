// Package dump reads the portable document of a tenant, and merges it into one: rows are staged by COPY, ids are translated,
// and a few statements a table create what is missing and update what differs, all of it or nothing.
package dump
