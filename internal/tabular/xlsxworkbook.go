package tabular

import (
	"path"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zip"

	"wharf/internal/fault"
)

const (
	// mostListed bounds each list that a workbook's parts hold: sheets, relationships, number formats, styles.
	mostListed = 1 << 17
	// rootPart names the relationships of the whole file.
	rootPart = "_rels/.rels"
)

// workbook is what is known of a workbook besides its rows.
type workbook struct {
	parts    *parts
	sheets   []sheet
	date1904 bool
	formats  []cellFormat // one a cell style
	strings  *zip.File    // nil: there are no shared strings
}

// sheet is a sheet as the workbook lists it.
type sheet struct {
	name   string
	hidden bool
	table  bool // it has cells: it is neither chart, dialogue nor macro sheet
	file   *zip.File
}

// relation is one part's reference to another.
type relation struct {
	kind   string // the last word of its type, e.g. "worksheet"; strict and transitional files differ before it
	target string // the part's name
}

func readWorkbook(p *parts) (*workbook, error) {
	wb := &workbook{parts: p}
	main, err := p.mainPart()
	if err != nil {
		return nil, err
	}
	related, err := p.relations(main.Name)
	if err != nil {
		return nil, err
	}
	if err := wb.readSheets(main, related); err != nil {
		return nil, err
	}
	var styles *zip.File
	for _, r := range related {
		switch r.kind {
		case "sharedStrings":
			wb.strings = p.find(r.target)
		case "styles":
			styles = p.find(r.target)
		}
	}
	if styles != nil {
		wb.formats, err = p.readStyles(styles)
	}
	return wb, err
}

// mainPart finds the workbook part.
func (p *parts) mainPart() (*zip.File, error) {
	related, err := p.relations("")
	if err != nil {
		return nil, err
	}
	for _, r := range related {
		if f := p.find(r.target); r.kind == "officeDocument" && f != nil {
			return f, nil
		}
	}
	if f := p.find("xl/workbook.xml"); f != nil {
		return f, nil
	}
	if p.find("xl/workbook.bin") != nil {
		return nil, refuse(kindXLSB)
	}
	return nil, refuse(kindDocument)
}

// relations reads what a part refers to, by id; of "" what the file itself does.
func (p *parts) relations(of string) (map[string]relation, error) {
	name := rootPart
	if of != "" {
		name = path.Join(path.Dir(partKey(of)), "_rels", path.Base(partKey(of))+".rels")
	}
	related := map[string]relation{}
	f := p.find(name)
	if f == nil {
		return related, nil
	}
	err := p.scanPart(f, func(t *xmlTag) bool {
		if t.is("Relationship") && !strings.EqualFold(t.attr("TargetMode"), "External") {
			related[t.attr("Id")] = relation{kind: path.Base(t.attr("Type")), target: resolve(of, t.attr("Target"))}
		}
		return len(related) < mostListed
	})
	return related, err
}

// resolve gives the name of the part that target, written in the part from, means.
func resolve(from, target string) string {
	target = strings.ReplaceAll(target, `\`, "/")
	if strings.HasPrefix(target, "/") {
		return target
	}
	return path.Join(path.Dir(partKey(from)), target)
}

// readSheets reads the workbook part.
func (wb *workbook) readSheets(main *zip.File, related map[string]relation) error {
	root := ""
	err := wb.parts.scanPart(main, func(t *xmlTag) bool {
		if root == "" && t.kind != tagOther {
			root = string(t.name)
		}
		switch {
		case t.is("workbookPr"):
			wb.date1904 = t.flag("date1904")
		case t.is("sheet"):
			wb.sheets = append(wb.sheets, wb.sheet(t, related))
		}
		return (root == "" || root == "workbook") && len(wb.sheets) < mostListed
	})
	switch {
	case err != nil:
		return err
	case root == "":
		return damagedPart(main.Name, errNotXML)
	case root != "workbook":
		return refuse(kindDocument)
	case len(wb.sheets) == 0:
		return fault.New(fault.Invalid, "the workbook has no sheets")
	}
	return nil
}

// sheet reads one entry of the list of sheets. Without a relationship, the part has the name that programs give it.
func (wb *workbook) sheet(t *xmlTag, related map[string]relation) sheet {
	s := sheet{name: t.attr("name"), hidden: strings.HasSuffix(strings.ToLower(t.attr("state")), "hidden")}
	r, ok := related[t.attr(":id")]
	if !ok && len(related) == 0 {
		r = relation{kind: "worksheet", target: "xl/worksheets/sheet" + strconv.Itoa(len(wb.sheets)+1) + ".xml"}
	}
	s.table = r.kind == "worksheet"
	s.file = wb.parts.find(r.target)
	return s
}

// readStyles gives what each cell style means for a number.
func (p *parts) readStyles(f *zip.File) ([]cellFormat, error) {
	var formats []cellFormat
	custom := map[int]cellFormat{}
	inCells := false
	err := p.scanPart(f, func(t *xmlTag) bool {
		switch {
		case t.is("numFmt") && len(custom) < mostListed:
			if id, err := strconv.Atoi(t.attr("numFmtId")); err == nil {
				custom[id] = formatOf(t.attr("formatCode"))
			}
		case string(t.name) == "cellXfs":
			inCells = t.kind == tagOpen
		case inCells && t.is("xf"):
			id, _ := strconv.Atoi(t.attr("numFmtId")) // none is the general format
			format, ok := custom[id]
			if !ok {
				format = builtInFormat(id)
			}
			formats = append(formats, format)
		}
		return len(formats) < mostListed
	})
	return formats, err
}
