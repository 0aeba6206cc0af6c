package exporter

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/catalog"
	"wharf/internal/pgcodec"
)

// members are the tenant's users, and which of them rows name: readers note those that they meet in @user columns. Of users who
// are not the tenant's nothing is known, whatever a row holds.
type members struct {
	byID   map[uuid.UUID]*member
	byText map[string]*member // the same, for ids in columns of text
}

type member struct {
	email string
	met   atomic.Bool
}

// readMembers reads the users of the tenant that tx carries.
func readMembers(ctx context.Context, tx pgx.Tx) (*members, error) {
	m := &members{byID: map[uuid.UUID]*member{}, byText: map[string]*member{}}
	rows, err := tx.Query(ctx, `SELECT user_id, email FROM wharf.members()`)
	if err != nil {
		return nil, fmt.Errorf("exporter: read members: %w", err)
	}
	var id uuid.UUID
	var email string
	if _, err = pgx.ForEachRow(rows, []any{&id, &email}, func() error {
		m.byID[id] = &member{email: email}
		m.byText[id.String()] = m.byID[id]
		return nil
	}); err != nil {
		return nil, fmt.Errorf("exporter: read members: %w", err)
	}
	return m, nil
}

// noted gives the column such that its users are noted, if it holds any.
func (m *members) noted(c *catalog.Column, col pgcodec.Column) pgcodec.Column {
	if m == nil || !c.Tags.User {
		return col
	}
	print := col.Append
	switch c.Kind {
	case catalog.KindUUID:
		return col.With(func(dst, raw []byte) ([]byte, error) {
			if len(raw) == len(uuid.UUID{}) {
				m.byID[uuid.UUID(raw)].meet()
			}
			return print(dst, raw)
		})
	case catalog.KindText:
		return col.With(func(dst, raw []byte) ([]byte, error) {
			m.byText[string(raw)].meet()
			return print(dst, raw)
		})
	}
	return col
}

// meet notes that a row names the user, if there is one. Several readers may at once.
func (u *member) meet() {
	if u != nil && !u.met.Load() {
		u.met.Store(true)
	}
}

// refs gives the e-mails of the users that were met, by their ids.
func (m *members) refs() map[string]string {
	refs := map[string]string{}
	for id, u := range m.byText {
		if u.met.Load() {
			refs[id] = u.email
		}
	}
	return refs
}
