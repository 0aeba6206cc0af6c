package tabular

import (
	"fmt"
	"strconv"
	"strings"

	"wharf/internal/fault"
)

const (
	// mostPeeks bounds how many sheets are looked into, peekBytes how far into each.
	mostPeeks = 64
	peekBytes = 4 << 20
	// mostNamed is how many sheets a message names.
	mostNamed = 20
)

// choose finds the sheet to read: the given one, or the first visible one that has cells. Warnings tell what else there is.
func (wb *workbook) choose(given string) (sheet, []string, error) {
	if given != "" {
		s, err := wb.named(given)
		return s, nil, err
	}
	if s := wb.only(); s != nil { // reading it will tell whether it is empty
		return *s, nil, nil
	}
	visible, hidden, err := wb.filledSheets()
	switch {
	case err != nil:
		return sheet{}, nil, err
	case len(visible) == 0 && len(hidden) > 0:
		return sheet{}, nil, fault.Newf(fault.Invalid,
			"the workbook is empty but for hidden sheets: give the sheet to import one of %s", quoted(hidden))
	case len(visible) == 0:
		return sheet{}, nil, errEmptyFile
	}
	var warnings []string
	if len(visible) > 1 {
		warnings = append(warnings, fmt.Sprintf("sheet %q was read; give the sheet to import another one: %s",
			visible[0].name, quoted(visible[1:])))
	}
	if len(hidden) > 0 {
		warnings = append(warnings, "hidden sheets were left out: "+quoted(hidden))
	}
	return visible[0], warnings, nil
}

// filledSheets gives the sheets that have values.
func (wb *workbook) filledSheets() (visible, hidden []sheet, err error) {
	peeks := 0
	for _, s := range wb.sheets {
		if !s.table {
			continue
		}
		filled := true
		if peeks++; peeks <= mostPeeks {
			if filled, err = wb.parts.filled(s); err != nil {
				return nil, nil, err
			}
		}
		switch {
		case !filled:
		case s.hidden:
			hidden = append(hidden, s)
		default:
			visible = append(visible, s)
		}
	}
	return visible, hidden, nil
}

// only gives the sheet with cells of a workbook that has no other.
func (wb *workbook) only() *sheet {
	var only *sheet
	for i := range wb.sheets {
		if s := &wb.sheets[i]; s.table {
			if only != nil || s.hidden || s.file == nil {
				return nil
			}
			only = s
		}
	}
	return only
}

// named finds a sheet by its name, whose case does not count, or by its number, from 1, hidden ones included.
func (wb *workbook) named(given string) (sheet, error) {
	found := -1
	for i, s := range wb.sheets {
		if s.name == given || (found < 0 && strings.EqualFold(strings.TrimSpace(s.name), strings.TrimSpace(given))) {
			found = i
		}
	}
	if n, err := strconv.Atoi(given); found < 0 && err == nil && n >= 1 && n <= len(wb.sheets) {
		found = n - 1
	}
	if found < 0 {
		return sheet{}, fault.Newf(fault.Invalid, "the workbook has no sheet %q: its sheets are %s", given, quoted(wb.sheets))
	}
	s := wb.sheets[found]
	if !s.table {
		return sheet{}, fault.Newf(fault.Invalid, "sheet %q holds no cells: it is a chart, a dialogue or a macro sheet", s.name)
	}
	if s.file == nil {
		return sheet{}, missingSheet(s.name)
	}
	return s, nil
}

func missingSheet(name string) error {
	return fault.Newf(fault.Invalid, "the workbook is damaged: sheet %q is listed, but not there%s", name, saveAgain)
}

// filled reports whether a sheet has a value; one that begins with very many empty cells counts as filled.
func (p *parts) filled(s sheet) (bool, error) {
	if s.file == nil {
		return false, missingSheet(s.name)
	}
	found := false
	before := p.inflated
	limits := p.limits
	p.limits.DecompressedBytes = min(limits.DecompressedBytes, before+peekBytes)
	err := p.scanPart(s.file, func(t *xmlTag) bool {
		found = t.is("v") || t.is("is")
		return !found && (t.kind != tagClose || string(t.name) != "sheetData")
	})
	p.limits, p.inflated = limits, before // it will be read again
	if fault.CodeOf(err) == fault.TooLarge && limits.DecompressedBytes > before+peekBytes {
		return true, nil
	}
	return found, err
}

// quoted lists sheets for a message.
func quoted(sheets []sheet) string {
	var b strings.Builder
	for i, s := range sheets {
		if i == mostNamed {
			fmt.Fprintf(&b, " and %d more", len(sheets)-i)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(s.name))
	}
	return b.String()
}
