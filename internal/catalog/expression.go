package catalog

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// expression is SQL over the columns of one table.
type expression struct {
	text    string
	columns []string // that it reads
	parts   []part   // the text, cut at its columns; nil: it is not known for certain which words are columns
}

type part struct {
	text   string
	column bool // text is the column's name
}

func (e expression) sql(column func(name string) string) string {
	var b strings.Builder
	b.WriteByte('(')
	if e.parts == nil {
		b.WriteString("SELECT " + e.text + " FROM (SELECT ")
		for i, c := range e.columns {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(column(c) + " AS " + quote(c))
		}
		b.WriteString(") AS wharf_row)")
		return b.String()
	}
	for _, p := range e.parts {
		if p.column {
			b.WriteString(column(p.text))
		} else {
			b.WriteString(p.text)
		}
	}
	b.WriteByte(')')
	return b.String()
}

var treeColumn = regexp.MustCompile(`:varattno (\d+) `)

// learn keeps an expression as Postgres printed it, and gives the columns that it reads.
//
// Any word of the text that spells a column might be one, or a function's name, a type, a keyword as in EXTRACT(year FROM …).
// The expression's tree names the columns for certain, but not their places. Every column in the tree is printed, so if a
// column's name occurs in the text as often as the tree names the column, each of those words is the column.
func (t *Table) learn(text, tree string) []string {
	inTree := map[string]int{}
	for _, m := range treeColumn.FindAllStringSubmatch(tree, -1) {
		num, err := strconv.ParseInt(m[1], 10, 16)
		if c := t.columnNumbered(int16(num)); err == nil && c != nil {
			inTree[c.Name]++
		}
	}
	e := expression{text: text}
	for _, c := range t.Columns {
		if inTree[c.Name] > 0 {
			e.columns = append(e.columns, c.Name)
		}
	}
	parts := cutAtWords(text, e.columns)
	inText := map[string]int{}
	for _, p := range parts {
		if p.column {
			inText[p.text]++
		}
	}
	if !slices.ContainsFunc(e.columns, func(c string) bool { return inText[c] != inTree[c] }) {
		e.parts = parts
	}
	if t.expressions == nil {
		t.expressions = map[string]expression{}
	}
	t.expressions[text] = e
	return e.columns
}

// cutAtWords cuts text at the words that spell one of the names, outside string literals.
func cutAtWords(text string, names []string) []part {
	var parts []part
	start := 0
	for _, w := range tokens(text) {
		if w.kind == tokenWord && slices.Contains(names, w.value) {
			parts = append(parts, part{text: text[start:w.from]}, part{text: w.value, column: true})
			start = w.to
		}
	}
	return append(parts, part{text: text[start:]})
}

// splitTrees cuts the printed list of expression trees, ({…} {…}), into its members. A backslash quotes the byte after it.
func splitTrees(list string) []string {
	var trees []string
	depth, start := 0, 0
	for i := 0; i < len(list); i++ {
		switch list[i] {
		case '\\':
			i++
		case '{':
			if depth == 0 {
				start = i
			}
			depth++
		case '}':
			if depth--; depth == 0 {
				trees = append(trees, list[start:i+1])
			}
		}
	}
	return trees
}
