package catalog

import "strings"

// tag is a line of a comment that begins with @: @match lower(email) has the name match and the argument lower(email).
type tag struct{ name, arg string }

func (t tag) String() string { return strings.TrimSpace("@" + t.name + " " + t.arg) }

// splitComment parts a comment into its tags and the rest, the description.
func splitComment(comment string) (description string, tags []tag) {
	var rest []string
	for line := range strings.Lines(comment) {
		line = strings.TrimRight(line, "\r\n")
		trimmed := strings.TrimSpace(line)
		if name := tagName(trimmed); name != "" {
			tags = append(tags, tag{name: name, arg: strings.TrimSpace(trimmed[1+len(name):])})
			continue
		}
		rest = append(rest, line)
	}
	return strings.TrimSpace(strings.Join(rest, "\n")), tags
}

// tagName gives the letters, digits, _ and - behind a leading @.
func tagName(line string) string {
	if !strings.HasPrefix(line, "@") {
		return ""
	}
	end := strings.IndexFunc(line[1:], func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
	})
	if end < 0 {
		return line[1:]
	}
	return line[1 : 1+end]
}
