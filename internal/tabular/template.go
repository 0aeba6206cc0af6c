package tabular

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"wharf/internal/fault"
)

// Template describes a file for people to fill in.
type Template struct {
	Name    string // of the sheet
	Columns []TemplateColumn
}

// TemplateColumn is a column of a Template and what its cells must be.
type TemplateColumn struct {
	Header      string
	Description string // for people, in front of the rules
	Example     string // a cell in the plain spelling of Kind: a decimal, an ISO date, true or false
	Kind        Kind
	Options     []string // if any: the only values there may be, as a drop-down
	Required    bool
	Whole       bool   // of numbers: without decimals
	Min, Max    string // of numbers and dates, inclusive, spelled like Example; "": none
	MaxLength   int    // of texts, in characters; 0: none
	DateFormat  string // of dates: YYYY MM DD HH mm ss and what is between them; "": YYYY-MM-DD
}

// WriteTemplate writes t as "csv" or "xlsx": a header row and a row of examples, which Open reads back. In xlsx the
// columns have formats and drop-downs, cells are checked as they are filled in, and a note at each header tells the
// rules. An unknown format is fault.Invalid; other errors are those of w.
func WriteTemplate(w io.Writer, format string, t Template) error {
	switch format {
	case "csv":
		return writeCSVTemplate(w, t)
	case "xlsx":
		return writeXLSXTemplate(w, t)
	}
	return fault.Newf(fault.Invalid, "a template cannot be %q: use csv or xlsx", format)
}

func writeCSVTemplate(w io.Writer, t Template) error {
	var names []string
	var examples [][]byte
	filled := false
	for _, c := range t.Columns {
		names = append(names, c.Header)
		examples = append(examples, []byte(c.Example))
		filled = filled || c.Example != ""
	}
	rows := newCSVRows(w, ',', WriteOptions{})
	if err := rows.Header(names); err != nil {
		return err
	}
	if filled {
		if err := rows.Row(examples, nil); err != nil {
			return err
		}
	}
	return rows.Close()
}

// mostOfNote is how many options a note names.
const mostOfNote = 20

// rules tells in words what a cell of c must be.
func (c TemplateColumn) rules() string {
	var lines []string
	if text := strings.TrimSpace(c.Description); text != "" {
		lines = append(lines, text)
	}
	if c.Required {
		lines = append(lines, "Required.")
	} else {
		lines = append(lines, "May be left empty.")
	}
	if text := c.shape(); text != "" {
		lines = append(lines, text)
	}
	return strings.Join(lines, "\n")
}

// shape is the sentence on a cell's kind and limits; "" if anything will do.
func (c TemplateColumn) shape() string {
	switch {
	case len(c.Options) > mostOfNote:
		return fmt.Sprintf("One of: %s … and %d more, in the list of each cell.",
			strings.Join(c.Options[:mostOfNote], ", "), len(c.Options)-mostOfNote)
	case len(c.Options) > 0:
		return "One of: " + strings.Join(c.Options, ", ") + "."
	case c.Kind == Boolean:
		return "TRUE or FALSE."
	case c.Kind == Number && c.Whole:
		return "A whole number" + c.limits() + "."
	case c.Kind == Number:
		return "A number" + c.limits() + "."
	case c.Kind == Date:
		return "A date" + c.limits() + ", written as " + c.dateFormat() + "."
	case c.MaxLength > 0:
		return "At most " + strconv.Itoa(c.MaxLength) + " characters."
	}
	return ""
}

func (c TemplateColumn) limits() string {
	switch {
	case c.Min != "" && c.Max != "":
		return " from " + c.Min + " to " + c.Max
	case c.Min != "":
		return " from " + c.Min + " on"
	case c.Max != "":
		return " up to " + c.Max
	}
	return ""
}

func (c TemplateColumn) dateFormat() string {
	if c.DateFormat == "" {
		return "YYYY-MM-DD"
	}
	return c.DateFormat
}
