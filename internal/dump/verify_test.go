package dump_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/dump"
)

// A product's own triggers may do with rows what they like: verify tells.
const triggerTables = `
CREATE TABLE public.echoes (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, name text NOT NULL, words text, UNIQUE (tenant_id, name));
CREATE TABLE public.counters (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant_id uuid NOT NULL, words text);
CREATE FUNCTION public.shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	IF NEW.words = 'gone' THEN RETURN NULL; END IF;
	NEW.words := CASE NEW.words WHEN 'loud' THEN 'LOUD' ELSE NEW.words END;
	RETURN NEW;
END $$;
CREATE TRIGGER shout BEFORE INSERT OR UPDATE ON public.echoes FOR EACH ROW EXECUTE FUNCTION public.shout();
CREATE TRIGGER shout BEFORE INSERT OR UPDATE ON public.counters FOR EACH ROW EXECUTE FUNCTION public.shout();`

func TestVerifyTellsWhatIsMissingAndWhatIsDifferent(t *testing.T) {
	t.Parallel()
	w := newTown(t, triggerTables)
	doc := document(`"echoes": [{"name": "a", "words": "quiet"}, {"name": "b", "words": "loud"}, {"name": "c", "words": "gone"}, {"name": "d", "words": null}]`,
		`"counters": [{"id": 1, "words": "quiet"}, {"id": 2, "words": "gone"}, {"id": 3, "words": "loud"}]`)
	require.Nil(t, w.rehearse(t, doc).Verified, "it was not asked for")
	report := w.restore(t, doc, verified)
	require.Equal(t, map[string]dump.Verified{"echoes": {Equal: 2, Missing: 1, Different: 1}, "counters": {Equal: 1, Missing: 1, Different: 1}}, report.Verified)
	require.EqualValues(t, 3, report.Created["echoes"])
}

func TestRestoresIntoOneTenantComeOneAfterTheOther(t *testing.T) {
	t.Parallel()
	w := newTown(t, "")
	var mu sync.Mutex
	var wg sync.WaitGroup
	created := map[string]int64{}
	for range 4 {
		wg.Go(func() {
			report, err := w.try(nakatomi)
			mu.Lock()
			defer mu.Unlock()
			require.NoError(t, err)
			for table, n := range report.Created {
				created[table] += n
			}
		})
	}
	wg.Wait()
	for table, rows := range nakatomiRows {
		want := rows
		if table == "deal_line_items" || table == "timeline_events" { // they have no key
			want = 4 * rows
		}
		require.Equal(t, want, created[table], table)
	}
}
