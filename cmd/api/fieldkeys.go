package main

import (
	"errors"
	"io"

	"wharf/internal/config"
	"wharf/internal/fieldcrypt"
)

// fieldKeys makes or rotates a key ring and writes it to stdout, a line. It needs no database.
func fieldKeys(args, environ []string, stdout io.Writer) error {
	if len(args) != 1 || (args[0] != "new" && args[0] != "rotate") {
		return errors.New("api field-keys has two commands: new, rotate")
	}
	fields, err := config.LoadFields(environ)
	if err != nil {
		return err
	}
	var ring string
	switch {
	case args[0] == "new":
		ring, err = fieldcrypt.NewKeys()
	case fields.Keys == "":
		return errors.New("WHARF_FIELD_KEYS is not set: there is no ring to rotate")
	default:
		ring, err = fieldcrypt.Rotate(fields.Keys.Reveal())
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(stdout, ring+"\n")
	return err
}
