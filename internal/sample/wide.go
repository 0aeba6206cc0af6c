package sample

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"time"
)

// BenchTable is the table that BenchTableDDL creates, for the rows of Wide.
const BenchTable = "bench_contacts"

// BenchTableDDL creates the benchmarks' table as the product's owner, who has granted its tables to the service by
// default: those of Wide in order, with id and tenant_id before them and two moments behind.
const BenchTableDDL = `
CREATE TABLE public.bench_contacts (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id   uuid NOT NULL,
    external_id varchar(64) NOT NULL,
    first_name  varchar(100) NOT NULL,
    last_name   varchar(100) NOT NULL,
    email       varchar(320) NOT NULL,
    phone       varchar(64),
    amount      numeric(14,2) NOT NULL,
    quantity    integer NOT NULL,
    active      boolean NOT NULL,
    signed_up   date NOT NULL,
    notes       text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, external_id)
);
COMMENT ON TABLE public.bench_contacts IS 'Rows of the benchmarks.
@match external_id';
ALTER TABLE public.bench_contacts ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.bench_contacts FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON public.bench_contacts
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));
`

// wideHeader names the columns of BenchTableDDL.
const wideHeader = "external_id,first_name,last_name,email,phone,amount,quantity,active,signed_up,notes\n"

// Wide writes the benchmarks' CSV: ten columns of mixed types, about 200 bytes a row, every row valid, external_id
// unique. Dates are ISO, numbers have a point, nothing needs a quote but some of the notes.
func Wide(w io.Writer, rows int, seed uint64) error {
	buf := append(make([]byte, 0, chunk+chunk/8), wideHeader...)
	pcg := rand.NewPCG(seed, 0)
	rng := rand.New(pcg) //nolint:gosec // made-up data, repeatable on purpose
	firsts, lasts := firstNames(), lastNames()
	from := time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range rows {
		pcg.Seed(seed, uint64(i)) //nolint:gosec // i is not negative
		f, l := firsts[rng.IntN(len(firsts))], lasts[rng.IntN(len(lasts))]
		buf = append(append(buf, "EXT-"...), fmt.Appendf(nil, "%09d", i)...)
		buf = append(append(append(buf, ','), f.real...), ',')
		buf = append(append(append(buf, l.ascii...), ','), f.ascii...)
		buf = strconv.AppendInt(append(append(append(buf, '.'), l.ascii...), '.'), int64(i), 10)
		buf = append(buf, "@customers.example.com,+1 212 555 0"...)
		buf = strconv.AppendInt(buf, int64(100+rng.IntN(100)), 10)
		buf = appendDecimal(append(buf, ','), rng.Int64N(100_000_000), 2)
		buf = strconv.AppendInt(append(buf, ','), int64(rng.IntN(10_000)), 10)
		buf = strconv.AppendBool(append(buf, ','), rng.IntN(2) == 0)
		buf = from.AddDate(0, 0, rng.IntN(3650)).AppendFormat(append(buf, ','), time.DateOnly)
		buf = appendWideNote(append(buf, ','), rng, i)
		if len(buf) >= chunk {
			if _, err := w.Write(buf); err != nil {
				return fmt.Errorf("sample: write wide rows: %w", err)
			}
			buf = buf[:0]
		}
	}
	if _, err := w.Write(buf); err != nil {
		return fmt.Errorf("sample: write wide rows: %w", err)
	}
	return nil
}

// appendWideNote writes some 90 bytes and the end of the row; every tenth note is quoted.
func appendWideNote(dst []byte, rng *rand.Rand, i int) []byte {
	if i%10 == 0 {
		dst = append(dst, `"Said ""maybe"", then left a number, `...)
	} else {
		dst = append(dst, "Met at the spring fair and asked for "...)
	}
	dst = append(dst, "a catalogue by post; größe "...)
	dst = strconv.AppendUint(dst, rng.Uint64(), 36)
	dst = append(dst, " to be confirmed"...)
	if i%10 == 0 {
		dst = append(dst, '"')
	}
	return append(dst, '\n')
}
