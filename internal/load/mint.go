package load

import (
	"encoding/binary"
	"slices"

	"github.com/google/uuid"

	"wharf/internal/tabular"
)

// minter gives UUIDs of version 7 (RFC 9562) that rise with the row number: the time and 30 random bits of one staging,
// then the row. New rows so enter the primary key's index at its end.
type minter struct{ base [16]byte }

func newMinter() minter { return minter{base: uuid.Must(uuid.NewV7())} }

// mint gives the id of a row in its binary form, valid until the next call.
func (m *minter) mint(row int64) []byte {
	// Bytes 0–7: time, version and 12 random bits. Byte 8: variant and 6 random bits. Bytes 9–10: random. Then the row.
	var low [8]byte
	binary.BigEndian.PutUint64(low[:], uint64(row))
	copy(m.base[11:], low[3:])
	return m.base[:]
}

// sortByRow orders errors by row, those of one row as they were found.
func sortByRow(all []tabular.CellError) {
	slices.SortStableFunc(all, func(a, b tabular.CellError) int { return a.Row - b.Row })
}
