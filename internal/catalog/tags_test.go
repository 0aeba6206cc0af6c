package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/catalog"
)

// crm has a table of every sort that tags speak of.
const crm = `
	CREATE TABLE contacts (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, email text, secret text, name bytea,
		name_hash bytea, age int, full_name text GENERATED ALWAYS AS (email || '!') STORED, storage_key text);
	CREATE TABLE deals (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, contact_id uuid NOT NULL REFERENCES contacts,
		second_id uuid REFERENCES contacts, up_id uuid NOT NULL REFERENCES deals,
		entity_type text CHECK (entity_type IN ('contact', 'deal')), entity_id uuid, untyped_id uuid, n_type int, n_id uuid);
	CREATE TABLE "Gift Cards" (tenant_id uuid, "card,no" text, PRIMARY KEY (tenant_id, "card,no"));
	CREATE TABLE keyless (tenant_id uuid);
	CREATE TABLE items (id int PRIMARY KEY, deal_id uuid NOT NULL REFERENCES deals, other uuid NOT NULL REFERENCES contacts);
	ALTER TABLE deals ADD item_id int NOT NULL REFERENCES items;
	CREATE TABLE platform (id int); COMMENT ON TABLE platform IS '@match nothing';`

func TestTagsAreFollowed(t *testing.T) {
	t.Parallel()
	s := newProduct(t, crm+`
		COMMENT ON TABLE contacts IS E'People.\n@label Our people\n@operational\n@optional extras\n@match lower(email)';
		COMMENT ON COLUMN contacts.secret IS E'@redact\n@label Pass word';
		COMMENT ON COLUMN contacts.name IS E'@encrypted\nFull name.';
		COMMENT ON COLUMN contacts.name_hash IS '@hash "name"';
		COMMENT ON COLUMN contacts.age IS '@user';
		COMMENT ON COLUMN contacts.storage_key IS E'@file\n@readonly';
		COMMENT ON COLUMN deals.contact_id IS '@nested';
		COMMENT ON COLUMN deals.entity_id IS '@poly contact=contacts  deal=deals "gift card"="Gift Cards"'`).read(t, config())
	contacts, deals := table(t, s, "contacts"), table(t, s, "deals")
	require.Equal(t, "People.", contacts.Description)
	require.Equal(t, "Our people", contacts.Label)
	require.True(t, contacts.Operational)
	require.Equal(t, "extras", contacts.Optional)
	require.Equal(t, catalog.ColumnTags{Redact: true}, column(t, s, "contacts", "secret").Tags)
	require.Equal(t, "Pass word", column(t, s, "contacts", "secret").Label)
	require.Equal(t, "Full name.", column(t, s, "contacts", "name").Description)
	require.Equal(t, catalog.ColumnTags{Encrypted: true}, column(t, s, "contacts", "name").Tags)
	require.Equal(t, catalog.ColumnTags{HashOf: "name"}, column(t, s, "contacts", "name_hash").Tags)
	require.Equal(t, catalog.ColumnTags{User: true}, column(t, s, "contacts", "age").Tags)
	require.Equal(t, catalog.ColumnTags{File: true, Readonly: true}, column(t, s, "contacts", "storage_key").Tags)
	require.Equal(t, "Full Name", column(t, s, "contacts", "full_name").Label)
	require.True(t, deals.ForeignKeys[0].Nested)
	require.Equal(t, []catalog.Poly{{
		IDColumn: "entity_id", TypeColumn: "entity_type",
		Targets: map[string]*catalog.Table{"contact": contacts, "deal": deals, "gift card": table(t, s, "Gift Cards")},
	}}, deals.Polys)
	require.Contains(t, s.Warnings, `deals.entity_id: @poly "gift card"="Gift Cards": entity_type never has that value`)
}

func TestUnknownTagsAreWarnings(t *testing.T) {
	t.Parallel()
	s := newProduct(t, crm+`
		COMMENT ON TABLE contacts IS E'@omit create\n@Match email'; COMMENT ON COLUMN contacts.age IS '@minimum 18'`).read(t, config())
	require.Contains(t, s.Warnings, "contacts: unknown tag @omit")
	require.Contains(t, s.Warnings, "contacts: unknown tag @Match")
	require.Contains(t, s.Warnings, "contacts.age: unknown tag @minimum")
}

func TestWrongTagsAreErrorsThatNameTheObject(t *testing.T) {
	t.Parallel()
	p := newProduct(t, crm+"ALTER TABLE deals ADD items jsonb")
	for name, tc := range map[string]struct{ on, comment, object, message string }{
		"match without a key":         {"TABLE contacts", "@match", "contacts", "columns and lower()"},
		"match no column":             {"TABLE contacts", "@match nosuch", "contacts", "@match nosuch: nosuch is no key of contacts; columns and"},
		"match one of two no column":  {"TABLE contacts", "@match email, nosuch", "contacts", "nosuch is no key"},
		"match an unknown function":   {"TABLE contacts", "@match md5(email)", "contacts", "md5(email) is no key"},
		"match lower of a number":     {"TABLE contacts", "@match lower(age)", "contacts", "lower(age) is no key"},
		"match SQL":                   {"TABLE contacts", "@match email); DROP TABLE contacts; --", "contacts", "is no key"},
		"match the tenant alone":      {"TABLE contacts", "@match tenant_id", "contacts", "columns and lower()"},
		"match a generated column":    {"TABLE contacts", "@match full_name", "contacts", "full_name is generated"},
		"match twice the same":        {"TABLE contacts", "@match email\n@match tenant_id, email", "contacts", "stands twice"},
		"match on a column":           {"COLUMN contacts.email", "@match email", "contacts.email", "@match belongs on a table"},
		"redact on a table":           {"TABLE contacts", "@redact", "contacts", "@redact belongs on a column"},
		"redact with an argument":     {"COLUMN contacts.email", "@redact always", "contacts.email", "@redact always: the tag takes no argument"},
		"readonly with an argument":   {"COLUMN contacts.email", "@readonly x", "contacts.email", "the tag takes no argument"},
		"user with an argument":       {"COLUMN contacts.email", "@user x", "contacts.email", "the tag takes no argument"},
		"operational with one":        {"TABLE contacts", "@operational x", "contacts", "the tag takes no argument"},
		"label without a text":        {"COLUMN contacts.email", "@label", "contacts.email", "a text is needed"},
		"label twice":                 {"COLUMN contacts.email", "@label A\n@label B", "contacts.email", "@label stands twice"},
		"optional without a name":     {"TABLE contacts", "@optional", "contacts", "one word is needed"},
		"optional with two":           {"TABLE contacts", "@optional a b", "contacts", "one word is needed"},
		"encrypted text":              {"COLUMN contacts.email", "@encrypted", "contacts.email", "only a bytea can be encrypted, and this is text"},
		"file in a number":            {"COLUMN contacts.age", "@file", "contacts.age", "an object's key is a text"},
		"hash of nothing":             {"COLUMN contacts.name_hash", "@hash", "contacts.name_hash", "the name of another column"},
		"hash of no column":           {"COLUMN contacts.name_hash", "@hash nosuch", "contacts.name_hash", "the name of another column"},
		"hash of itself":              {"COLUMN contacts.name_hash", "@hash name_hash", "contacts.name_hash", "the name of another column"},
		"hash of plain bytes":         {"COLUMN contacts.name_hash", "@hash name", "contacts.name_hash", "@encrypted column can be hashed"},
		"hash in a number":            {"COLUMN contacts.age", "@hash email", "contacts.age", "text or bytea"},
		"nested on no reference":      {"COLUMN contacts.email", "@nested", "contacts.email", "part of no foreign key to a tenant table"},
		"nested with an argument":     {"COLUMN deals.contact_id", "@nested x", "deals.contact_id", "takes no argument"},
		"nested by a nullable one":    {"COLUMN deals.second_id", "@nested", "deals.second_id", "must be NOT NULL"},
		"nested where a column is":    {"COLUMN items.deal_id", "@nested", "items.deal_id", "deals has a column items already"},
		"nested in itself":            {"COLUMN deals.up_id", "@nested", "deals.up_id", "cannot be nested in itself"},
		"poly without pairs":          {"COLUMN deals.entity_id", "@poly", "deals.entity_id", "pairs value=table are needed"},
		"poly with a malformed pair":  {"COLUMN deals.entity_id", "@poly contact", "deals.entity_id", "contact is no pair"},
		"poly with half a pair":       {"COLUMN deals.entity_id", "@poly contact=", "deals.entity_id", "contact= is no pair"},
		"poly with an unknown table":  {"COLUMN deals.entity_id", "@poly contact=platform", "deals.entity_id", "platform is no tenant table"},
		"poly with a value twice":     {"COLUMN deals.entity_id", "@poly a=contacts a=deals", "deals.entity_id", "the value a stands twice"},
		"poly to a table without key": {"COLUMN deals.entity_id", "@poly a=keyless", "deals.entity_id", "no primary key of one column"},
		"poly on another name":        {"COLUMN contacts.email", "@poly a=deals", "contacts.email", "ends in _id"},
		"poly without its type":       {"COLUMN deals.untyped_id", "@poly a=deals", "deals.untyped_id", "untyped_type, which says what the id is of, is missing"},
		"poly with a number for type": {"COLUMN deals.n_id", "@poly a=deals", "deals.n_id", "must be a text or enum"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wrong := p.wrongAfter(t, "COMMENT ON "+tc.on+" IS '"+tc.comment+"'")
			require.Len(t, wrong, 1)
			require.Contains(t, wrong[tc.object], tc.message)
		})
	}
}

func TestAllWrongTagsAreNamedAtOnce(t *testing.T) {
	t.Parallel()
	wrong := newProduct(t, crm+`
		COMMENT ON TABLE contacts IS E'@match nosuch\n@redact';
		COMMENT ON COLUMN contacts.email IS '@encrypted';
		COMMENT ON COLUMN contacts.name IS '@encrypted';
		COMMENT ON COLUMN contacts.secret IS '@redact';
		COMMENT ON TABLE "Gift Cards" IS '@match "card,no"';
		COMMENT ON TABLE items IS '@match id, nosuch';
		COMMENT ON COLUMN items.deal_id IS '@nested';
		COMMENT ON COLUMN deals.item_id IS '@nested'`).wrong(t, config())
	require.Len(t, wrong, 4)
	require.Contains(t, wrong["contacts"], "@match nosuch")
	require.Contains(t, wrong["contacts"], "@redact belongs on a column")
	require.Contains(t, wrong["contacts.email"], "bytea")
	require.Contains(t, wrong["items"], "nosuch is no key")
	require.Contains(t, wrong["items"], "nested in itself, by way of deals")
	require.Contains(t, wrong["deals"], "nested in itself, by way of items")
}

func TestSecretsAreNoKeys(t *testing.T) {
	t.Parallel()
	wrong := newProduct(t, crm+`
		COMMENT ON TABLE contacts IS E'@match secret\n@match name';
		COMMENT ON COLUMN contacts.secret IS '@redact'; COMMENT ON COLUMN contacts.name IS '@encrypted'`).wrong(t, config())
	require.Contains(t, wrong["contacts"], "secret is @redact")
	require.Contains(t, wrong["contacts"], "match its @hash column instead")
}

func TestNestedTellsForeignKeysOfOneColumnApart(t *testing.T) {
	t.Parallel()
	const ddl = `
		CREATE TABLE a (id int PRIMARY KEY, tenant_id uuid NOT NULL, UNIQUE (tenant_id, id));
		CREATE TABLE b (id int PRIMARY KEY, tenant_id uuid NOT NULL);
		CREATE TABLE c (tenant_id uuid NOT NULL, a_id int NOT NULL, FOREIGN KEY (tenant_id, a_id) REFERENCES a (tenant_id, id));
		ALTER TABLE c ADD CONSTRAINT plain FOREIGN KEY (a_id) REFERENCES a;
		COMMENT ON COLUMN c.a_id IS '@nested';`
	s := newProduct(t, ddl).read(t, config())
	for _, k := range table(t, s, "c").ForeignKeys {
		require.Equal(t, k.Name == "plain", k.Nested, "of two to one table the shorter is taken")
	}
	wrong := newProduct(t, ddl+"ALTER TABLE c ADD FOREIGN KEY (a_id) REFERENCES b").wrong(t, config())
	require.Contains(t, wrong["c.a_id"], "several tables")
}
