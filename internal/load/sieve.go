package load

import (
	"hash/maphash"
	"math"
	"strings"

	"wharf/internal/catalog"
)

// sieve tells of each key whether an earlier row may have had the same: never no if one had, seldom yes if none had. So a
// file without repeated keys is known to be one before the merge, which then need not group its rows to find out.
//
// The first keys are kept as a set of their hashes, so that a small file needs little memory. More go into a Bloom filter
// of 16 MiB, in blocks of a cache line (Putze, Sanders, Singler: Cache-, Hash- and Space-Efficient Bloom Filters, 2007). A
// file of a million keys is hardly ever suspected for nothing, one of many millions nearly always: so many are not sieved,
// and the merge groups them.
type sieve struct {
	few  map[uint64]struct{} // hashes, while there is no filter
	bits []block             // the filter; nil: there are few keys yet, or too many
	many int                 // keys in the filter
	seed maphash.Seed
	keys []sieved
	text []byte // of the key at hand
}

// sieved is a key of the plan that can be told by the bytes of its cells.
type sieved struct {
	cols []int
	fold bool // the key is lower(column)
}

// block is a cache line. A key sets one bit of each of its words.
type block [8]uint64

const (
	blocks   = 1 << 18
	fewKeys  = 1 << 12
	mostKeys = 1 << 22
)

func newSieve(keys []sieved) *sieve {
	return &sieve{keys: keys, seed: maphash.MakeSeed(), few: map[uint64]struct{}{}}
}

// row reports whether a key of the row may have been there before.
func (s *sieve) row(cells [][]byte) bool {
	if s.many > mostKeys {
		s.bits = nil
		return true
	}
	again := false
	for n, k := range s.keys {
		if s.read(n, k, cells) {
			again = s.add() || again
		} else if s.text == nil {
			again = true
		}
	}
	return again
}

// read makes the text of a key; false if a part is blank, or, with text nil, if the database may fold it otherwise.
func (s *sieve) read(n int, k sieved, cells [][]byte) bool {
	s.text = append(s.text[:0], byte(n))
	for _, c := range k.cols {
		if len(cells[c]) == 0 {
			return false
		}
		s.text = append(append(s.text, cells[c]...), math.MaxUint8) // which no UTF-8 holds
	}
	if !k.fold {
		return true
	}
	for i, b := range s.text[1 : len(s.text)-1] {
		if b >= 0x80 {
			s.text = nil
			return false
		}
		if 'A' <= b && b <= 'Z' {
			s.text[i+1] += 'a' - 'A'
		}
	}
	return true
}

// add notes the key, and reports whether it may have been noted before.
func (s *sieve) add() bool {
	h := maphash.Bytes(s.seed, s.text)
	if s.bits != nil {
		return s.filter(h)
	}
	_, again := s.few[h]
	if s.few[h] = struct{}{}; len(s.few) > fewKeys {
		s.bits = make([]block, blocks)
		for h := range s.few {
			s.filter(h)
		}
		s.few = nil
	}
	return again
}

// filter notes a hash in the filter, and reports whether it may have been noted before.
func (s *sieve) filter(h uint64) bool {
	s.many++
	line := &s.bits[h%blocks]
	const golden = 0x9e3779b97f4a7c15 // 2⁶⁴ over the golden ratio: mixes what is left of the hash
	h *= golden
	again := true
	for i := range line {
		bit := uint64(1) << (h >> (6*i + 16) & 63)
		again = again && line[i]&bit != 0
		line[i] |= bit
	}
	return again
}

// sieved gives what of the nth key the sieve needs; false if equal keys may differ in their bytes, or are not known yet.
func (p *Plan) sieved(n int) (sieved, bool) {
	var k sieved
	for _, part := range p.keys[n].Keys {
		if len(part.Columns) != 1 {
			return k, false
		}
		c := p.find(part.Columns[0])
		if c.ref != nil || c.hashes() || c.target.BaseType != "text" && !strings.HasPrefix(c.target.BaseType, "character varying") {
			return k, false
		}
		if part.Column == "" {
			k.fold = true
			if own := (catalog.Match{Keys: []catalog.IndexKey{part}}); len(p.keys[n].Keys) > 1 || own.String() != "lower("+ident(c.Name)+")" {
				return k, false
			}
		}
		k.cols = append(k.cols, c.n)
	}
	return k, true
}

// sieves gives the keys of the plan that are sieved.
func (p *Plan) sieves() []sieved {
	var all []sieved
	for n := range p.keys {
		if k, ok := p.sieved(n); ok {
			all = append(all, k)
		}
	}
	return all
}
