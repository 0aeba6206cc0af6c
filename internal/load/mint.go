package load

import (
	"encoding/binary"

	"github.com/google/uuid"
)

// Minter gives UUIDs of version 7 (RFC 9562) that rise with the line: the time and the random bits of one staging, then the
// line. New rows so enter the primary key's index at its end, their ids are known before they are written, and the rows of
// one file are a range of ids.
type Minter struct{ id uuid.UUID }

// NewMinter begins a staging.
func NewMinter() Minter { return Minter{id: uuid.Must(uuid.NewV7())} }

// Mint gives the id of a line in its binary form, valid until the next call.
func (m *Minter) Mint(line int64) []byte {
	// Bytes 0 to 10 are the staging's: the time to a fraction of a millisecond, version, variant, 22 random bits.
	var low [8]byte
	binary.BigEndian.PutUint64(low[:], uint64(line)) //nolint:gosec // a line is not negative
	copy(m.id[11:], low[3:])
	return m.id[:]
}

// mintedRange gives the first and the last id that the Minter of this one can give.
func mintedRange(id uuid.UUID) (first, last uuid.UUID) {
	first, last = id, id
	for i := 11; i < len(id); i++ {
		first[i], last[i] = 0, 0xff
	}
	return first, last
}
