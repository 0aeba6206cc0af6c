package dump

import (
	"wharf/internal/load"
	"wharf/internal/pgcodec"
)

// stagingUsers gathers the user_refs of a document.
type stagingUsers struct {
	name    string // quoted, with its schema
	tuples  *pgcodec.CopyWriter
	started bool
}

// usersTable gives the staging table (id text, email text) of the users that the document names: an id may stand in it twice.
func usersTable(spec *Spec) string { return ident(load.StagingSchema, spec.Prefix+"_users") }

// userRefs reads {id: e-mail}. A user without an e-mail is left out.
func (s *stager) userRefs() error { return s.scan.object("user_refs", s.userRef) }

func (s *stager) userRef(id []byte) error {
	u := &s.users
	if u.tuples == nil {
		u.tuples = pgcodec.NewCopyWriter(nil, s.send.buffer())
	}
	u.tuples.Begin(2)
	if err := u.tuples.Text(textCodec, id); err != nil {
		return s.scan.invalid("user_refs: the id %q %s", clip(id), err)
	}
	email, isText, err := s.scan.text()
	if err != nil {
		return err
	}
	if !isText {
		u.tuples.Discard()
		return nil
	}
	if err := u.tuples.Text(textCodec, email); err != nil {
		return s.scan.invalid("user_refs: the e-mail %q %s", clip(email), err)
	}
	if err := u.tuples.End(); err != nil || u.tuples.Len() < copyBytes {
		return err //nolint:wrapcheck // it has no writer below
	}
	return u.flush(s.send)
}

// flush sends what is gathered, and makes the staging table before if there is none.
func (u *stagingUsers) flush(send *sender) error {
	c := chunk{into: u.name}
	if !u.started {
		u.started = true
		c.create = createTable(u.name, u.tuples.Len() < copyBytes, []string{"id text NOT NULL", "email text NOT NULL"})
	}
	c.data = u.tuples.Take(nil)
	u.tuples = nil
	return send.chunk(c)
}
