package pg

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/jackc/pgx/v5/pgconn"

	"wharf/internal/fault"
)

// ErrUndefined means that a statement met a table or column that is not there: a catalog snapshot is out of date.
var ErrUndefined = fault.New(fault.Conflict, "the tables of the product have changed; try again")

// Translate gives err a code where Postgres's error has a meaning for the caller; other errors pass unchanged. An error
// that has a code already keeps it. SQLSTATEs: PostgreSQL manual, appendix A.
func Translate(err error) error {
	if err == nil {
		return nil
	}
	if _, coded := fault.As(err); coded {
		return err
	}
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		return translateState(err, pe)
	}
	if lost(err) {
		return fault.Wrap(err, fault.Unavailable, "the database is not reachable now")
	}
	return err
}

// lost reports that there is no connection, or no longer one: it could not be made, it broke, or it was found closed before
// anything was sent. A context that ended is its own error.
func lost(err error) bool {
	var connecting *pgconn.ConnectError
	if errors.As(err, &connecting) {
		return true
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var network net.Error
	return errors.As(err, &network) || pgconn.SafeToRetry(err)
}

func translateState(err error, pe *pgconn.PgError) error {
	switch pe.Code {
	case "42P01", "42703", "3F000": // undefined_table, undefined_column, invalid_schema_name
		return fault.Wrap(err, ErrUndefined.Code, ErrUndefined.Message)
	case "23505": // unique_violation
		return fault.Wrap(err, fault.Conflict, fmt.Sprintf("another row of %s has the same value (%s)", pe.TableName, pe.ConstraintName))
	case "23503": // foreign_key_violation
		return fault.Wrap(err, fault.Conflict, fmt.Sprintf("a reference of %s names no row, or is still in use (%s)", pe.TableName, pe.ConstraintName))
	case "23502": // not_null_violation
		return fault.Wrap(err, fault.Invalid, fmt.Sprintf("%s.%s must have a value", pe.TableName, pe.ColumnName))
	case "23514", "23P01": // check_violation, exclusion_violation
		return fault.Wrap(err, fault.Invalid, fmt.Sprintf("a row of %s breaks its rule %s", pe.TableName, pe.ConstraintName))
	case "40001", "40P01", "55P03": // serialization_failure, deadlock_detected, lock_not_available
		return fault.Wrap(err, fault.Unavailable, "another change was in the way; try again")
	}
	switch pe.Code {
	case "22021", "22P05": // character_not_in_repertoire, untranslatable_character
		return fault.Wrap(err, fault.Malformed, "text in the request holds what cannot be stored: a NUL, or bytes that are not UTF-8")
	}
	switch pe.Code[:min(2, len(pe.Code))] {
	case "22": // data exception
		return fault.Wrap(err, fault.Invalid, pe.Message)
	case "08", "53", "57": // connection, resources, operator intervention
		if pe.Code == "57014" { // query_canceled: by us, or by a deadline of ours
			return err
		}
		return fault.Wrap(err, fault.Unavailable, "the database is not available now")
	}
	return err
}

// IsUndefined reports whether err is ErrUndefined or Postgres's own error of that meaning.
func IsUndefined(err error) bool { return errors.Is(Translate(err), ErrUndefined) }

// IsUnavailable reports whether trying again later is right: the database was away or another transaction in the way.
func IsUnavailable(err error) bool { return fault.CodeOf(Translate(err)) == fault.Unavailable }
