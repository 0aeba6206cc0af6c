package sample

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
)

// history is how far back the oldest rows go.
const history = 3 * 365 * 24 * time.Hour

// generator makes the rows of one tenant. The draws of a row depend on nothing but seed, tenant, table and number.
type generator struct {
	words
	cfg    Config
	ctx    context.Context //nolint:containedctx // of the one Seed that made it, for the object store and the hooks
	now    time.Time
	counts [entities]int
	keys   [entities]uint64
	pcg    *rand.PCG
	rng    *rand.Rand

	// The row being made.
	table   string
	created time.Time
	err     error // the first failure of a hook or the store; ends the seed
}

func newGenerator(ctx context.Context, cfg Config) *generator {
	g := &generator{cfg: cfg, ctx: ctx, now: cfg.Now.UTC().Truncate(time.Microsecond), pcg: rand.NewPCG(0, 0), words: newWords()}
	g.rng = rand.New(g.pcg) //nolint:gosec // made-up data, repeatable on purpose
	key := mix(cfg.Seed)
	key = mix(key ^ binary.BigEndian.Uint64(cfg.TenantID[:8]))
	key = mix(key ^ binary.BigEndian.Uint64(cfg.TenantID[8:]))
	for i, t := range tables() {
		g.keys[i] = mix(key + uint64(i) + 1) //nolint:gosec // a small index
		g.counts[i] = t.count(g)
	}
	return g
}

// mix is the finaliser of SplitMix64: every bit of x moves every bit of the result.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// draw is a fixed random number of row i of table e.
func (g *generator) draw(e entity, i int) uint64 {
	return mix(g.keys[e] + uint64(i)*0x9e3779b97f4a7c15) //nolint:gosec // i is not negative
}

// begin turns to row i of t, which is entity e.
func (g *generator) begin(t table, e entity, i int) {
	g.table = t.name
	g.created = g.createdAt(e, i)
	g.pcg.Seed(g.keys[e], g.draw(e, i))
}

// createdAt spreads the rows of a table over its history, in order of their numbers.
func (g *generator) createdAt(e entity, i int) time.Time {
	step := uint64(history/time.Microsecond) / uint64(g.counts[e])                    //nolint:gosec // positive
	micros := uint64(i)*step + g.draw(e, i)%max(step, 1)                              //nolint:gosec // positive
	return g.now.Add(-history).Add(time.Duration(micros) * time.Microsecond).Round(0) //nolint:gosec // within history
}

// id gives the id of row i of table e: a UUID of version 7, which sorts as the rows were made.
func (g *generator) id(e entity, i int) uuid.UUID {
	var id uuid.UUID
	millis := uint64(g.createdAt(e, i).UnixMilli())                       //nolint:gosec // after 1970
	binary.BigEndian.PutUint64(id[:8], millis<<16|0x7000|uint64(i)&0xfff) //nolint:gosec // masked
	binary.BigEndian.PutUint64(id[8:], 1<<63|mix(g.draw(e, i)+1)>>2)
	return id
}

// ref gives the id of some row of table e.
func (g *generator) ref(e entity) uuid.UUID { return g.id(e, g.rng.IntN(g.counts[e])) }

// maybe gives the id of some row of table e, or a null in so many of 100 cases.
func (g *generator) maybe(e entity, nulls int) uuid.UUID {
	if g.chance(nulls) {
		return uuid.Nil
	}
	return g.ref(e)
}

// user gives one of the configured users, now and then nobody.
func (g *generator) user() uuid.UUID {
	if len(g.cfg.Users) == 0 || g.chance(10) {
		return uuid.Nil
	}
	return pick(g, g.cfg.Users)
}

func (g *generator) chance(percent int) bool { return g.rng.IntN(100) < percent }

// between gives lo … hi, both included.
func (g *generator) between(lo, hi int) int { return lo + g.rng.IntN(hi-lo+1) }

// cents gives an amount of money in hundredths; small ones are more common than large ones.
func (g *generator) cents(lo, hi int) int64 {
	a, b := g.between(lo, hi), g.between(lo, hi)
	return int64(min(a, b))
}

func pick[T any](g *generator, from []T) T { return from[g.rng.IntN(len(from))] }

// later gives a moment after the row was made, at most d after, and never in the future.
func (g *generator) later(d time.Duration) time.Time {
	t := g.created.Add(time.Duration(g.rng.Int64N(int64(d/time.Microsecond))) * time.Microsecond)
	if t.After(g.now) {
		return g.now
	}
	return t
}

// day is the date of created, moved by some days of lo … hi.
func (g *generator) day(lo, hi int) time.Time { return g.created.AddDate(0, 0, g.between(lo, hi)) }

// seal gives what an @encrypted column holds for plain, nil without the hook.
func (g *generator) seal(column, plain string) []byte {
	if g.cfg.Encrypt == nil || g.err != nil {
		return nil
	}
	b, err := g.cfg.Encrypt(g.table, column, []byte(plain))
	if err != nil {
		g.err = fmt.Errorf("sample: encrypt %s.%s: %w", g.table, column, err)
	}
	return b
}

// hash gives what a @hash column holds for plain, nil without the hook.
func (g *generator) hash(column, plain string) []byte {
	if g.cfg.Hash == nil || g.err != nil {
		return nil
	}
	b, err := g.cfg.Hash(g.table, column, []byte(plain))
	if err != nil {
		g.err = fmt.Errorf("sample: hash %s.%s: %w", g.table, column, err)
	}
	return b
}
