package tabular

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// mostWarnings bounds how many warnings one kind of finding makes.
const mostWarnings = 20

// columnLetter names column i, from 0, as spreadsheets do: A, B, … Z, AA, AB …
func columnLetter(i int) string {
	var b []byte
	for i++; i > 0; i = (i - 1) / 26 {
		b = append([]byte{byte('A' + (i-1)%26)}, b...)
	}
	return string(b)
}

// columnNames makes names of header cells: trimmed, line breaks within them as one space, blank ones named by their
// letter, equal ones told apart by a suffix. What had to be changed is in warnings.
func columnNames(cells []string) (names, warnings []string) {
	names = make([]string, len(cells))
	taken := make(map[string]bool, len(cells))
	for i, c := range cells {
		names[i] = cleanName(c)
		taken[names[i]] = true
	}
	var notes noteList
	used := make(map[string]bool, len(cells))
	suffix := map[string]int{}
	for i, name := range names {
		blank := name == ""
		if blank {
			name = columnLetter(i)
		}
		unique := name
		if used[name] || (blank && taken[name]) {
			unique = freeName(name, suffix, func(s string) bool { return used[s] || taken[s] })
		}
		switch {
		case blank:
			notes.add(fmt.Sprintf("column %s has no header: its letter is its name", columnLetter(i)))
		case unique != name:
			notes.add(fmt.Sprintf("column %s is called %q like one before it: it is told apart as %q", columnLetter(i), name, unique))
		}
		used[unique] = true
		names[i] = unique
	}
	return names, notes.list()
}

// freeName appends to name the first number from 2 on that makes it free. suffix remembers where to go on.
func freeName(name string, suffix map[string]int, taken func(string) bool) string {
	n := max(suffix[name], 1)
	for {
		n++
		if s := name + " (" + strconv.Itoa(n) + ")"; !taken(s) {
			suffix[name] = n
			return s
		}
	}
}

// cleanName trims a header cell. White space that holds a line break becomes one space; other white space is kept.
func cleanName(s string) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\uFFFD")
	s = strings.TrimFunc(s, isBlank)
	if !strings.ContainsAny(s, "\n\r\v\f\u2028\u2029") {
		return s
	}
	var b strings.Builder
	for s != "" {
		i := strings.IndexFunc(s, unicode.IsSpace)
		if i < 0 {
			i = len(s)
		}
		b.WriteString(s[:i])
		s = s[i:]
		rest := strings.TrimLeftFunc(s, unicode.IsSpace)
		if space := s[:len(s)-len(rest)]; strings.ContainsAny(space, "\n\r\v\f\u2028\u2029") {
			b.WriteByte(' ')
		} else {
			b.WriteString(space)
		}
		s = rest
	}
	return b.String()
}

// isBlank tells white space, and the marks without width that programs leave around a header.
func isBlank(r rune) bool { return unicode.IsSpace(r) || r == '\uFEFF' || r == '\u200B' }

// noteList collects warnings, and counts those beyond mostWarnings.
type noteList struct {
	notes []string
	more  int
}

func (l *noteList) add(note string) {
	if len(l.notes) == mostWarnings {
		l.more++
		return
	}
	l.notes = append(l.notes, note)
}

func (l *noteList) list() []string {
	if l.more == 0 {
		return l.notes
	}
	return append(l.notes, fmt.Sprintf("… and %d more of this kind", l.more))
}
