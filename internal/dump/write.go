package dump

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"wharf/internal/catalog"
	"wharf/internal/load"
)

const touchedColumn = "updated_at"

// compare finds the found rows that differ from what the document says.
func (m *merge) compare(ctx context.Context, t *merging) error {
	if t.counts.matched == 0 {
		return nil
	}
	var differs []string
	cols := t.writable()
	for _, c := range cols {
		if c.Tags.Encrypted {
			continue // equal values do not seal to equal bytes
		}
		differ := different(c, "t."+c.Ident(), t.next(c))
		if t.partial[c.Num] {
			differ = t.isGiven(c) + " AND " + differ
		}
		differs = append(differs, "("+differ+")")
	}
	if len(differs) == 0 {
		differs = []string{"false"}
	}
	from, err := m.found(ctx, t, cols)
	if err != nil {
		return err
	}
	if t.changed, t.counts.changed, err = m.create(ctx, "compare "+t.table.Name, `SELECT s.n FROM `+from+` AND (`+strings.Join(differs, " OR ")+`)`); err != nil {
		return err
	}
	if err := m.compareSealed(ctx, t); err != nil || t.counts.changed == 0 {
		return err
	}
	if err := m.measure(ctx, t.changed); err != nil {
		return err
	}
	return m.spareCopies(ctx, t, cols)
}

// spareCopies takes those rows out of the changed ones that differ in nothing but a reference to a copy: what they refer to
// in the document has no natural key and is created once more, and they refer to a row of the same content already. Without
// it each restore would move the references on to the newest copy.
func (m *merge) spareCopies(ctx context.Context, t *merging, cols []*catalog.Column) error {
	var differs []string
	some := false
	for _, c := range cols {
		differ := different(c, "t."+c.Ident(), t.next(c))
		if c.Tags.Encrypted {
			return nil // whether they differ was not told by a statement
		}
		if t.partial[c.Num] {
			differ = t.isGiven(c) + " AND " + differ
		}
		copied, err := m.isCopy(ctx, t, c)
		if err != nil {
			return err
		}
		if copied != "" {
			some, differ = true, differ+" AND NOT ("+copied+")"
		}
		differs = append(differs, "("+differ+")")
	}
	if !some {
		return nil
	}
	from, err := m.found(ctx, t, cols)
	if err != nil {
		return err
	}
	spared, err := m.exec(ctx, "spare references to copies", `
DELETE FROM `+t.changed+` c WHERE NOT EXISTS (SELECT FROM `+from+` AND s.n = c.n AND (`+strings.Join(differs, " OR ")+`))`)
	t.counts.changed -= spared
	return err
}

// isCopy gives the condition under which the column c of s refers to a row that will be created, and that of t to one of the
// same content; "" if it cannot.
func (m *merge) isCopy(ctx context.Context, t *merging, c *catalog.Column) (string, error) {
	r := t.by[c.Num]
	if r == nil || len(r.cols) != 1 {
		return "", nil
	}
	var copies []string
	for _, known := range r.maps {
		of := m.of[known.table]
		if of == nil || known.columns[0] != of.key || of.rows == of.counts.matched+of.counts.skipped {
			continue
		}
		created, err := m.createdOf(ctx, of)
		if err != nil {
			return "", err
		}
		_, theirs := of.contents()
		copies = append(copies, `EXISTS (SELECT FROM `+created+` k JOIN (SELECT t.*, `+theirs+` AS wharf_content FROM `+known.table.Ident()+` t WHERE `+
			known.table.TenantPredicate("t", m.tenant)+`) x ON x.`+of.key.Ident()+` = t.`+c.Ident()+` AND x.wharf_content = k.content WHERE k.id = `+t.value(c)+`)`)
	}
	return strings.Join(copies, " OR "), nil
}

// createdOf gives the table of rows that will be created: id, content.
func (m *merge) createdOf(ctx context.Context, t *merging) (string, error) {
	if t.fresh != "" {
		return t.fresh, nil
	}
	known := m.maps[mapID(t.table, []*catalog.Column{t.key})]
	ours, _ := t.contents()
	name, _, err := m.create(ctx, "note what will be created", `SELECT k.v0 AS id, `+ours+` AS content FROM `+t.name+` s JOIN `+known.name+` k ON k.n = s.n WHERE true`+t.isNew()+t.kept())
	if err != nil {
		return "", err
	}
	t.fresh = name
	_, err = m.exec(ctx, "index what will be created", `CREATE INDEX ON `+name+` (id); ANALYZE `+name)
	return name, err
}

// next gives what the column of a row t that is there will hold. One whose secret did not come is not made active.
func (t *merging) next(c *catalog.Column) string {
	lacks := t.lacksSecrets()
	if c.Name != activeColumn || c.Kind != catalog.KindBoolean || lacks == "" {
		return t.value(c)
	}
	return "((" + t.value(c) + ") AND (t." + c.Ident() + " OR NOT (" + lacks + ")))"
}

// found gives the document's rows s that are in the table, as its row t, up to and with the WHERE.
func (m *merge) found(ctx context.Context, t *merging, cols []*catalog.Column) (string, error) {
	from, err := m.from(ctx, t, cols)
	if err != nil {
		return "", err
	}
	return from + " JOIN " + t.found + " f ON f.n = s.n JOIN " + t.table.Ident() + " t ON " + t.sameRow() + " WHERE true" + t.kept(), nil
}

// late gives the columns that are written when all rows of all tables are there: those that refer to a row which may come
// later. A row that is there may refer to a new one of its own table.
func (t *merging) late(c *catalog.Column, created bool) bool {
	r := t.by[c.Num]
	if r == nil || r.fk == nil || !r.fk.Late {
		return false
	}
	return !created || r.fk.Target != t.table && !c.NotNull
}

// write updates what differs and creates what is new.
func (m *merge) write(ctx context.Context, t *merging) error {
	if err := m.keepFormer(ctx, t); err != nil {
		return err
	}
	if err := m.update(ctx, t); err != nil {
		return err
	}
	return m.insert(ctx, t)
}

func (m *merge) update(ctx context.Context, t *merging) error {
	if t.counts.changed == 0 {
		return nil
	}
	var sets []string
	var cols []*catalog.Column
	for _, c := range t.writable() {
		if t.late(c, false) {
			continue
		}
		cols, sets = append(cols, c), append(sets, c.Ident()+" = "+t.becomes(c, t.next(c)))
	}
	if c := t.touches(); c != nil {
		sets = append(sets, c.Ident()+" = now()")
	}
	if len(sets) == 0 {
		return m.lockFormer(ctx, t)
	}
	from, err := m.from(ctx, t, cols)
	if err != nil {
		return err
	}
	from, same := from+" JOIN "+t.changed+" c ON c.n = s.n JOIN "+t.found+" f ON f.n = s.n", t.sameRow()
	if t.undo != nil { // only the versions that were kept
		from, same = from+" JOIN "+t.undo.Rows()+" u ON u.line = s.n", same+" AND "+load.SameVersion
	}
	n, err := m.tell(ctx, t, func(within string) string {
		return `UPDATE ` + t.table.Ident() + ` t SET ` + strings.Join(sets, ", ") + `
FROM ` + from + ` WHERE ` + same + within
	})
	if err == nil && n != t.counts.changed {
		return errMoved
	}
	return err
}

// touches gives the column that an update sets to its time, nil if there is none.
func (t *merging) touches() *catalog.Column {
	c, ok := t.table.Column(touchedColumn)
	if ok && !t.gives(c) && (c.Kind == catalog.KindTimestampTZ || c.Kind == catalog.KindTimestamp) {
		return c
	}
	return nil
}

// becomes gives what a column of the table's row t will hold: the value, if the document's row s has the column.
func (t *merging) becomes(c *catalog.Column, value string) string {
	if !t.partial[c.Num] {
		return value
	}
	return "CASE WHEN " + t.isGiven(c) + " THEN " + value + " ELSE t." + c.Ident() + " END"
}

func (m *merge) insert(ctx context.Context, t *merging) error {
	if !t.creates() {
		return nil
	}
	cols, values := t.newRow()
	from, err := m.from(ctx, t, cols)
	if err != nil {
		return err
	}
	names := make([]string, 0, len(cols))
	for _, c := range cols {
		names = append(names, c.Ident())
	}
	overriding, order := "", ""
	if t.numbers != nil && t.key.Identity != "" {
		overriding = " OVERRIDING SYSTEM VALUE"
	}
	if t.minted && t.mint == nil && t.numbers == nil { // the database numbers the rows in the document's order
		order = " ORDER BY s.n"
	}
	if t.stored != "" {
		from += " LEFT JOIN " + t.stored + " b ON b.n = s.n"
	}
	t.counts.created, err = m.tell(ctx, t, func(within string) string {
		sql := `INSERT INTO ` + t.table.Ident() + ` (` + strings.Join(names, ", ") + `)` + overriding + `
SELECT ` + strings.Join(values, ", ") + ` FROM ` + from + ` WHERE true` + t.isNew() + t.kept() + within + order
		if t.undo == nil {
			return sql
		}
		return t.undo.NamingCreated(sql)
	})
	if err != nil || t.counts.created == 0 {
		return err
	}
	return m.tellSecrets(ctx, t)
}

// newRow gives the columns of a created row, and what they will hold, as SQL over s.
func (t *merging) newRow() (cols []*catalog.Column, values []string) {
	add := func(c *catalog.Column, value string) { cols, values = append(cols, c), append(values, value) }
	writable := t.writable()
	for _, c := range t.table.Columns {
		switch {
		case c.Name == t.table.Scope.Column:
			add(c, t.tenant)
		case c == t.mint:
			add(c, "s.id")
		case c == t.key && t.numbers != nil:
			add(c, "km.v0")
		case c.Tags.File && !c.Generated:
			if value := t.fileKey(c); value != "" {
				add(c, value)
			}
		case c.Tags.Redact && !c.Generated && !c.Tags.Readonly:
			if value := t.secret(c); value != "" {
				add(c, value)
			}
		case !slices.Contains(writable, c):
		case t.late(c, true):
			add(c, "NULL")
		case c.Name == activeColumn && c.Kind == catalog.KindBoolean && t.lacksSecrets() != "":
			add(c, "("+t.valueOrDefault(c)+") AND NOT ("+t.lacksSecrets()+")")
		default:
			add(c, t.valueOrDefault(c))
		}
	}
	return cols, values
}

// valueOrDefault gives what a created row holds: what the document says, or else the column's default.
func (t *merging) valueOrDefault(c *catalog.Column) string {
	if !t.partial[c.Num] {
		return t.value(c)
	}
	byDefault := "NULL"
	if c.Default != "" {
		byDefault = c.Default
	}
	return "CASE WHEN " + t.isGiven(c) + " THEN " + t.value(c) + " ELSE " + byDefault + " END"
}

// creates reports whether some row is not in the table yet.
func (t *merging) creates() bool { return t.counts.matched+t.counts.skipped < t.rows }

// writeLate writes the references that could not be written with their rows.
func (m *merge) writeLate(ctx context.Context, t *merging) error {
	if !t.creates() && t.counts.changed == 0 {
		return nil
	}
	var late, cols []*catalog.Column
	var sets, filled []string
	for _, c := range t.writable() {
		if !t.late(c, false) {
			continue
		}
		late, cols = append(late, c), append(cols, c)
		sets = append(sets, c.Ident()+" = "+t.becomes(c, t.value(c)))
		differ := "t." + c.Ident() + " IS DISTINCT FROM " + t.value(c)
		if t.partial[c.Num] {
			differ = t.isGiven(c) + " AND " + differ
		}
		filled = append(filled, "("+differ+")")
	}
	if len(late) == 0 || len(t.identity) == 0 || !t.tellsRows() {
		return nil
	}
	from, err := m.from(ctx, t, append(cols, t.identity...))
	if err != nil {
		return err
	}
	on := []string{t.table.TenantPredicate("t", m.tenant)}
	for _, c := range t.identity {
		on = append(on, "t."+c.Ident()+" = "+t.final(c))
	}
	if t.found != "" {
		from += " LEFT JOIN " + t.found + " f ON f.n = s.n"
	}
	_, err = m.tell(ctx, t, func(within string) string {
		return `UPDATE ` + t.table.Ident() + ` t SET ` + strings.Join(sets, ", ") + `
FROM ` + from + ` WHERE ` + strings.Join(on, " AND ") + ` AND (` + strings.Join(filled, " OR ") + `)` + t.touched() + t.kept() + within
	})
	return err
}

// touched gives a condition that leaves out rows which are there and do not differ.
func (t *merging) touched() string {
	switch {
	case t.found == "":
		return ""
	case t.changed == "":
		return " AND f.n IS NULL"
	}
	return " AND (f.n IS NULL OR EXISTS (SELECT FROM " + t.changed + " c WHERE c.n = s.n))"
}

// tellsRows reports whether it is known which row of the table each row of the document has become.
func (t *merging) tellsRows() bool {
	return !t.minted || t.mint != nil || t.numbers != nil
}

// checkLoose makes sure of foreign keys whose columns other references decide: each column was found among the tenant's
// rows, and so must be the row that they name together.
func (m *merge) checkLoose(ctx context.Context, t *merging) error {
	for _, k := range t.loose {
		filled := make([]string, 0, len(k.Columns))
		same := []string{k.Target.TenantPredicate("x", m.tenant)}
		for i, name := range k.Columns {
			filled = append(filled, "t."+ident(name)+" IS NOT NULL")
			same = append(same, "x."+ident(k.TargetColumns[i])+" = t."+ident(name))
		}
		var foreign bool
		err := m.row(ctx, "check "+k.Name, `SELECT EXISTS (SELECT FROM `+t.table.Ident()+` t WHERE `+t.table.TenantPredicate("t", m.tenant)+` AND `+strings.Join(filled, " AND ")+
			` AND NOT EXISTS (SELECT FROM `+k.Target.Ident()+` x WHERE `+strings.Join(same, " AND ")+`))`, &foreign)
		if err != nil {
			return err
		}
		if foreign {
			return tableFault(t.table.Name, strings.Join(k.Columns, ", ")+" name a row of "+k.Target.Name+" that is not there")
		}
	}
	return nil
}

// tell runs a statement over all rows of the document; if the database refuses one, the error names it. write takes a
// condition that narrows s.
func (m *merge) tell(ctx context.Context, t *merging, write func(within string) string) (n int64, err error) {
	err = m.attempt(ctx, func(ctx context.Context) (err error) {
		if n, err = m.exec(ctx, "write "+t.table.Name, write("")); err != nil || m.writers == "" {
			return err
		}
		_, err = m.exec(ctx, "note who writes", load.NoteWriter(m.writers))
		return err
	})
	if load.Refused(err) {
		return 0, m.blame(ctx, t, write, err)
	}
	return n, err
}

// blame finds the first row that the database refuses, in halves: the lower half is written, and if it can be, so is what
// comes after it until it cannot.
func (m *merge) blame(ctx context.Context, t *merging, write func(within string) string, cause error) error {
	from, to := int64(1), t.rows
	for from < to {
		half := from + (to-from)/2
		err := m.attempt(ctx, func(ctx context.Context) error {
			_, err := m.exec(ctx, "look for the row", write(fmt.Sprintf(" AND s.n BETWEEN %d AND %d", from, half)))
			return err
		})
		switch {
		case err == nil:
			from = half + 1
		case load.Refused(err):
			to, cause = half, err
		default:
			return err
		}
	}
	return refusal(t.table, from, cause)
}
