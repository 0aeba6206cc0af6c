package exporter

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"wharf/internal/catalog"
	"wharf/internal/objectstore"
	"wharf/internal/tenancy"
	"wharf/internal/testenv"
)

// drawer is a database with a table of files, and the store that holds their bytes.
type drawer struct {
	*kin
	store *objectstore.Store
}

func newDrawer(t *testing.T, ddl string) *drawer {
	t.Helper()
	ctx := context.Background()
	env := testenv.Objects(t)
	store, err := objectstore.Open(ctx, objectstore.Config{
		Endpoint: env.Endpoint, Bucket: env.Bucket, AccessKey: env.AccessKey, SecretKey: env.SecretKey, PathStyle: true,
	})
	require.NoError(t, err)
	d := &drawer{newKin(t, ddl), store}
	t.Cleanup(func() {
		for _, tenant := range []uuid.UUID{d.mine, d.other} {
			_, err := store.DeletePrefix(ctx, objectstore.TenantPrefix(tenant))
			require.NoError(t, err)
		}
		store.Close()
	})
	return d
}

// put stores bytes under the tenant's prefix and gives the key.
func (d *drawer) put(t *testing.T, tenant uuid.UUID, name, content string) string {
	t.Helper()
	key := objectstore.TenantPrefix(tenant) + name
	_, err := d.store.Put(context.Background(), key, "", strings.NewReader(content))
	require.NoError(t, err)
	return key
}

// bundled gives the files of a bundle of all tables, the manifest's list of them, and the warnings.
func (d *drawer) bundled(t *testing.T) (files map[string]string, list []manifestFile, warnings []string) {
	t.Helper()
	ctx := context.Background()
	tx, err := d.service.BeginTx(ctx, snapshotMode)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(ctx) }()
	require.NoError(t, (&tenancy.DB{Pool: d.service, Wall: tenancy.Wall{Setting: "app.tenant_id"}}).Enter(ctx, tx, d.mine))
	snap, err := catalog.Read(ctx, tx, catalog.Config{Schemas: []string{"public"}, TenantColumn: "tenant_id", TenantTable: "wharf.tenants"})
	require.NoError(t, err)
	var tables []planned
	for _, table := range snap.Tables {
		tables = append(tables, wholeTable(table, d.mine))
	}
	var out bytes.Buffer
	b := newBundle(&out, bundleTime)
	list, warnings, err = addFiles(ctx, tx, d.store, d.mine, tables, b)
	require.NoError(t, err)
	require.NoError(t, b.close(manifest{Files: list, Warnings: warnings}))
	files = unzipped(t, out.Bytes())
	var m manifest
	require.NoError(t, json.Unmarshal([]byte(files[manifestName]), &m))
	delete(files, manifestName)
	return files, m.Files, m.Warnings
}

const papers = `CREATE TABLE papers (id text PRIMARY KEY, tenant_id uuid NOT NULL, file_name text, sha256 text, storage_key text);
COMMENT ON COLUMN papers.storage_key IS '@file';
CREATE TABLE passports (id int PRIMARY KEY, tenant_id uuid NOT NULL, sha256 bytea, front text, back text);
COMMENT ON COLUMN passports.front IS '@file'; COMMENT ON COLUMN passports.back IS '@file';
`

func (d *drawer) paper(t *testing.T, id, name, sum, key string) {
	t.Helper()
	_, err := d.owner.Exec(context.Background(), `INSERT INTO papers VALUES ($1, $2, $3, $4, $5)`, id, d.mine, name, sum, key)
	require.NoError(t, err)
}

func TestFilesAreInTheBundleOnce(t *testing.T) {
	t.Parallel()
	d := newDrawer(t, papers)
	letter, photo := strings.Repeat("Dear …\n", 10_000), string(noise(200_000))
	letterKey, photoKey := d.put(t, d.mine, "files/1/letter.txt", letter), d.put(t, d.mine, "files/2/a.jpg", photo)
	d.paper(t, "p1", "../../Brief an Müller.txt", " "+strings.ToUpper(hexSum(letter)), letterKey)
	d.paper(t, "p2", "the same.txt", "", letterKey)
	d.paper(t, "p3", "", hexSum(photo), photoKey)
	d.paper(t, "p4", "no object", "", "")
	d.exec(t, `INSERT INTO passports VALUES (7, MINE, '\x`+hexSum(photo)+`', '`+photoKey+`', NULL), (8, MINE, NULL, NULL, MINE || '/files/3/b.pdf')`)
	d.put(t, d.mine, "files/3/b.pdf", "%PDF")
	files, list, warnings := d.bundled(t)
	require.Empty(t, warnings)
	for name, content := range files {
		files[name] = hexSum(content)
	}
	require.Equal(t, map[string]string{"files/p1/_.._Brief an Müller.txt": hexSum(letter), "files/p3/a.jpg": hexSum(photo), "files/8/b.pdf": hexSum("%PDF")}, files)
	require.Equal(t, []manifestFile{
		{File: "files/8/b.pdf", Key: d.mine.String() + "/files/3/b.pdf", Bytes: 4, SHA256: hexSum("%PDF")},
		{File: "files/p1/_.._Brief an Müller.txt", Key: letterKey, Bytes: int64(len(letter)), SHA256: hexSum(letter)},
		{File: "files/p3/a.jpg", Key: photoKey, Bytes: int64(len(photo)), SHA256: hexSum(photo)},
	}, list)
}

func TestMissingOrChangedFilesAreWarnings(t *testing.T) {
	t.Parallel()
	d := newDrawer(t, papers)
	d.paper(t, "p1", "gone.txt", "", objectstore.TenantPrefix(d.mine)+"files/1/gone.txt")
	key := d.put(t, d.mine, "files/2/changed.txt", "changed")
	d.paper(t, "p2", "changed.txt", hexSum("as it was"), key)
	files, _, warnings := d.bundled(t)
	require.Equal(t, map[string]string{"files/p2/changed.txt": "changed"}, files)
	require.Equal(t, []string{
		fmt.Sprintf("papers p1, storage_key: the object %q is missing", d.mine.String()+"/files/1/gone.txt"),
		fmt.Sprintf("papers p2, storage_key: the object %q has the checksum %s, and not the %s of its row", key, hexSum("changed"), hexSum("as it was")),
	}, warnings)
}

// TestAnotherTenantsObjectsAreNeverRead has rows that name them, also in ways that a store on a file system might follow.
func TestAnotherTenantsObjectsAreNeverRead(t *testing.T) {
	t.Parallel()
	d := newDrawer(t, papers)
	key := d.put(t, d.other, "files/1/secret.txt", "planted-secret")
	for i, crafted := range []string{
		key, "/" + key, d.mine.String() + "/../" + key, d.mine.String() + "/./../" + key, d.mine.String() + `/..\` + key,
		d.mine.String() + "//" + key, d.mine.String(), strings.TrimSuffix(d.mine.String(), "0") + "x/" + key, "https://example.com/" + key, "secret.txt", path.Base(key),
	} {
		d.paper(t, fmt.Sprint(i), "taken.txt", "", crafted)
	}
	files, list, warnings := d.bundled(t)
	require.Empty(t, files)
	require.Empty(t, list)
	require.Len(t, warnings, 10) // one of the keys stands twice
	for _, w := range warnings {
		require.Contains(t, w, "is not one of this tenant's objects")
	}
}

func TestWarningsAboutFilesEnd(t *testing.T) {
	t.Parallel()
	d := newDrawer(t, papers)
	d.exec(t, `INSERT INTO papers SELECT g, MINE, NULL, NULL, 'lost/' || g FROM generate_series(1, 250) g`)
	_, _, warnings := d.bundled(t)
	require.Len(t, warnings, maxFileWarnings+1)
	require.Equal(t, "files: 50 more such warnings", warnings[maxFileWarnings])
}

func TestTableWithoutFilesAsksForNone(t *testing.T) {
	t.Parallel()
	d := newDrawer(t, papers)
	d.store.Close()
	d.store = nil // would panic
	files, list, warnings := d.bundled(t)
	require.Empty(t, files)
	require.Empty(t, list)
	require.Empty(t, warnings)
}
