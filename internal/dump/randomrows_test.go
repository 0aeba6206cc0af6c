package dump_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func quoted(name string) string { return `"` + name + `"` }

// sql gives the table as SQL.
func (r *randomTable) sql() string { return quoted(r.schema.name) + "." + quoted(r.name) }

// keyColumn is what references to the table mean.
func (r *randomTable) keyColumn() (name, kind string) {
	switch r.key {
	case keyIdentity, keySerial:
		return "id", "bigint"
	case keyText:
		return "code", "text"
	}
	return "id", "uuid"
}

// ddl gives the statements that make the schema.
func (s *randomSchema) ddl() string {
	out := []string{`CREATE SCHEMA ` + s.name, `SET LOCAL search_path TO ` + s.name + strings.ReplaceAll(randomTypes, "CREATE", ";\nCREATE")}
	for _, t := range s.tables {
		out = append(out, t.create())
	}
	for _, t := range s.tables {
		out = append(out, t.constraints()...)
	}
	out = append(out, `GRANT USAGE ON SCHEMA `+s.name+` TO wharf_service`, `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA `+s.name+` TO wharf_service`,
		`GRANT USAGE ON ALL SEQUENCES IN SCHEMA `+s.name+` TO wharf_service`)
	return strings.Join(out, ";\n")
}

func (r *randomTable) create() string {
	var c []string
	switch r.key {
	case keyUUID:
		c = append(c, "id uuid PRIMARY KEY DEFAULT gen_random_uuid()")
	case keyBare:
		c = append(c, "id uuid PRIMARY KEY")
	case keyPrisma:
		c = append(c, "id uuid NOT NULL")
	case keyIdentity:
		c = append(c, "id bigint GENERATED "+[]string{"ALWAYS", "BY DEFAULT"}[r.n%2]+" AS IDENTITY PRIMARY KEY")
	case keySerial:
		c = append(c, "id bigserial PRIMARY KEY")
	}
	if !r.child {
		c = append(c, "tenant_id uuid NOT NULL")
	}
	c = append(c, "mark text NOT NULL", "code text"+null(r.natural == byCode || r.key == keyText), "label text", "pos integer")
	for _, ref := range r.refs {
		_, kind := ref.to.keyColumn()
		c = append(c, ref.column+" "+kind+null(ref.notNull))
	}
	if r.poly != nil {
		c = append(c, "poly_type text"+null(r.poly.notNull), "poly_id uuid"+null(r.poly.notNull))
	}
	for _, col := range r.columns {
		c = append(c, quoted(col.name)+" "+col.kind.sql+null(col.notNull))
	}
	if r.soft {
		c = append(c, "deleted_at timestamptz")
	}
	if r.generated {
		c = append(c, "loud text GENERATED ALWAYS AS (upper(mark)) STORED")
	}
	switch r.key {
	case keyPrisma:
		c = append(c, "PRIMARY KEY (tenant_id, id)")
	case keyText:
		c = append(c, "PRIMARY KEY (tenant_id, code)")
	case keyPair:
		c = append(c, "PRIMARY KEY (ref0, ref1)")
	}
	return "CREATE TABLE " + r.sql() + " (" + strings.Join(c, ", ") + ")"
}

func null(not bool) string {
	if not {
		return " NOT NULL"
	}
	return ""
}

// constraints gives what must follow when all tables are there.
func (r *randomTable) constraints() []string {
	var out []string
	match := map[string]string{byTag: "\n@match label", byTwo: "\n@match code\n@match lower(label)", byPoly: "\n@match poly_type, poly_id, pos"}[r.natural]
	out = append(out, `COMMENT ON TABLE `+r.sql()+` IS 'Random.`+match+`'`)
	unique := map[string]string{
		byCode: "(tenant_id, code)", byMaybe: "(tenant_id, code)", byLive: "(tenant_id, code) WHERE deleted_at IS NULL",
		byLower: "(tenant_id, lower(code))", byTwo: "(tenant_id, code)", byParent: "(ref0, pos)",
	}[r.natural]
	if r.natural == byParent && !r.child { // what it refers to may have a name for its key
		unique = "(tenant_id, ref0, pos)"
	}
	if unique != "" {
		out = append(out, `CREATE UNIQUE INDEX ON `+r.sql()+` `+unique)
	}
	if r.named() && !r.child && r.key != keyPrisma { // first, so that references with the tenant find it
		out = slices.Insert(out, 0, `ALTER TABLE `+r.sql()+` ADD UNIQUE (tenant_id, id)`)
	}
	if !r.child {
		out = append(out, `ALTER TABLE `+r.sql()+` ENABLE ROW LEVEL SECURITY`,
			`CREATE POLICY wall ON `+r.sql()+` USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))`)
	}
	if r.poly != nil {
		var pairs []string
		for _, to := range r.poly.targets {
			pairs = append(pairs, fmt.Sprintf(`kind%d=%s`, to.n, quoted(to.name)))
		}
		out = append(out, `COMMENT ON COLUMN `+r.sql()+`.poly_id IS '@poly `+strings.Join(pairs, " ")+`'`)
	}
	if r.nested {
		out = append(out, `COMMENT ON COLUMN `+r.sql()+`.ref0 IS '@nested'`)
	}
	return out
}

// references gives the foreign keys, which need their targets' unique indexes.
func (s *randomSchema) references() string {
	var out []string
	for _, r := range s.tables {
		for _, ref := range r.refs {
			key, _ := ref.to.keyColumn()
			from, to := ref.column, key
			if ref.byTenant {
				from, to = "tenant_id, "+from, "tenant_id, "+to
			}
			out = append(out, fmt.Sprintf(`ALTER TABLE %s ADD FOREIGN KEY (%s) REFERENCES %s (%s)`, r.sql(), from, ref.to.sql(), to))
		}
	}
	return strings.Join(out, ";\n")
}

// drawRows draws rows for every table; a reference means a row of the same draw.
func (s *randomSchema) drawRows(t *rapid.T) {
	for _, r := range s.tables {
		count := rapid.IntRange(0, 6).Draw(t, "rows")
		for _, ref := range r.refs {
			if ref.notNull && len(ref.to.rows) == 0 {
				count = 0
			}
		}
		if r.poly != nil && r.poly.notNull && !slices.ContainsFunc(r.poly.targets, func(o *randomTable) bool { return o.n < r.n && len(o.rows) > 0 }) {
			count = 0
		}
		r.rows = nil
		for i := range count {
			r.rows = append(r.rows, r.drawRow(t, i))
		}
	}
	for _, r := range s.tables {
		r.drawReferences(t)
	}
}

func (r *randomTable) drawRow(t *rapid.T, i int) map[string]string {
	row := map[string]string{"mark": fmt.Sprintf("'%d#%d'", r.n, i), "pos": fmt.Sprint(i), "code": fmt.Sprintf("'k%d'", i)}
	row["label"] = rapid.SampledFrom([]string{`'a'`, `'A'`, `'b'`, `'ü'`}).Draw(t, "label")
	switch _, kind := r.keyColumn(); {
	case !r.named(): // nothing names it but its columns
	case kind == "uuid":
		row["id"] = "'" + uuid.NewSHA1(uuid.NameSpaceURL, []byte(r.schema.name+row["mark"])).String() + "'"
	default:
		row["id"] = fmt.Sprint(i + 1)
	}
	maybeNull := r.natural == byMaybe || r.natural == byTwo
	if r.soft && rapid.IntRange(0, 2).Draw(t, "deleted") == 0 {
		row["deleted_at"] = `'2024-05-01 12:00:00+02'`
		if r.natural == byLive { // the keys of deleted rows repeat
			row["code"] = `'k1'`
		}
	}
	if maybeNull && rapid.IntRange(0, 2).Draw(t, "no code") == 0 {
		row["code"] = ""
	}
	for _, c := range r.columns {
		row[c.name] = rapid.SampledFrom(c.kind.values).Draw(t, c.kind.sql)
		if !c.notNull && rapid.IntRange(0, 3).Draw(t, "null") == 0 {
			row[c.name] = ""
		}
	}
	return row
}

func (r *randomTable) drawReferences(t *rapid.T) {
	for i, row := range r.rows {
		for n, ref := range r.refs {
			row[ref.column] = ""
			if len(ref.to.rows) > 0 && (ref.notNull || rapid.IntRange(0, 3).Draw(t, "refers") > 0) {
				key, _ := ref.to.keyColumn()
				row[ref.column] = rapid.SampledFrom(ref.to.rows).Draw(t, "row")[key]
			}
			if r.key == keyPair && n < 2 { // every pair once: the rows count through the pairs
				key, _ := ref.to.keyColumn()
				row[ref.column] = ref.to.rows[[]int{i % len(ref.to.rows), i / len(r.refs[0].to.rows) % len(ref.to.rows)}[n]][key]
			}
		}
		if r.poly != nil {
			r.drawPoly(t, i, row)
		}
	}
	if r.key == keyPair && len(r.rows) > 0 {
		r.rows = r.rows[:min(len(r.rows), len(r.refs[0].to.rows)*len(r.refs[1].to.rows))]
	}
}

// drawPoly means a row that stands before this one, so that natural keys never go round in circles; or none.
func (r *randomTable) drawPoly(t *rapid.T, i int, row map[string]string) {
	row["poly_type"], row["poly_id"] = "", ""
	if !r.poly.notNull && rapid.Bool().Draw(t, "no poly") {
		return
	}
	var all [][2]string
	for _, to := range r.poly.targets {
		rows := to.rows
		switch {
		case to == r:
			rows = rows[:i]
		case to.n > r.n && r.natural == byPoly:
			rows = nil
		}
		for _, target := range rows {
			all = append(all, [2]string{fmt.Sprintf("'kind%d'", to.n), target["id"]})
		}
	}
	if len(all) > 0 {
		pair := rapid.SampledFrom(all).Draw(t, "poly")
		row["poly_type"], row["poly_id"] = pair[0], pair[1]
	}
}

// prelude lets rows be written in any order.
func (s *randomSchema) prelude() []string {
	return []string{`SET LOCAL session_replication_role = replica`, `SET LOCAL search_path TO ` + s.name}
}

// insert gives the statements that add the rows to a tenant.
func (s *randomSchema) insert(tenant uuid.UUID) string {
	out := s.prelude()
	for _, r := range s.tables {
		for _, row := range r.rows {
			out = append(out, r.insert(tenant, row))
		}
		if r.named() {
			if _, kind := r.keyColumn(); kind == "bigint" {
				out = append(out, fmt.Sprintf(`SELECT setval(pg_get_serial_sequence('%s', 'id'), 50)`, r.sql()))
			}
		}
	}
	return strings.Join(out, ";\n")
}

func (r *randomTable) insert(tenant uuid.UUID, row map[string]string) string {
	var columns, values []string
	if !r.child {
		columns, values = append(columns, "tenant_id"), append(values, "'"+tenant.String()+"'")
	}
	for name, value := range row {
		if value != "" {
			columns, values = append(columns, quoted(name)), append(values, value)
		}
	}
	return fmt.Sprintf("INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE VALUES (%s)", r.sql(), strings.Join(columns, ", "), strings.Join(values, ", "))
}

// update gives the statement that sets a column of a row that a tenant has.
func (r *randomTable) update(tenant uuid.UUID, row map[string]string, column string) string {
	where := "tenant_id = '" + tenant.String() + "' AND mark = " + row["mark"]
	switch {
	case r.key == keyPair:
		where = "ref0 = " + row["ref0"] + " AND ref1 = " + row["ref1"]
	case r.child:
		where = "id = " + row["id"]
	}
	return fmt.Sprintf("UPDATE %s SET %s = %s WHERE %s", r.sql(), quoted(column), row[column], where)
}

// build makes the schema, and gives the town that has it as its product. The caller drops it.
func (w *town) build(t *rapid.T, s *randomSchema) *town {
	w.exec(t, s.ddl())
	w.exec(t, s.references())
	fork := *w
	for _, tenant := range []*uuid.UUID{&fork.ours, &fork.theirs} {
		*tenant = uuid.New()
		w.exec(t, `INSERT INTO wharf.tenants (id, slug, name) VALUES ($1, $2, 'Random')`, *tenant, "random-"+tenant.String())
	}
	fork.config.Schemas = []string{s.name}
	fork.snapshot = fork.read(t)
	require.Len(t, fork.snapshot.Tables, len(s.tables))
	return &fork
}
