package rowprogram

import "fmt"

// explain is the message for the cell at hand.
func (w *work) explain(why reason, text []byte) string {
	label := w.field.label
	switch why {
	case numberUnclear:
		asPoint, _, _ := readNumber(text, nil, markPoint, false)
		asComma, _, _ := readNumber(text, nil, markComma, false)
		label = fmt.Sprintf("%s %s may be %s or %s", label, text, asPoint.append(nil), asComma.append(nil))
	case dateUnclear:
		asDMY, _ := readDate(text, dayFirst, false)
		asMDY, _ := readDate(text, monthFirst, false)
		label = fmt.Sprintf("%s %s may be %s or %s", label, text, asDMY.append(nil), asMDY.append(nil))
	}
	return label + reasonTexts[why]
}

// reason says why a cell is not of its type. Its text follows the field's label.
type reason uint8

const (
	fine reason = iota
	errorCell
	notUTF8
	holdsNUL

	notEmail
	emailBlank
	emailNamed
	emailSeveral
	emailNoDot

	notNumber
	numberPercent
	numberCurrency
	numberParentheses
	numberNotFinite
	numberGroups
	numberHuge
	numberPoint
	numberComma
	numberUnclear

	notDate
	dateMissing
	dateDMY
	dateMDY
	dateYMD
	dateUnclear
	dateShortYear
	dateSerial
	dateNone
	dateClock
	dateZone
	dateWeekday

	notPhone
	notBoolean
)

// reasonTexts hold, after the label, what is wrong and what would be right.
var reasonTexts = [...]string{
	fine:      "",
	errorCell: " holds an error of the spreadsheet: correct its formula, or put a value there",
	notUTF8:   " holds bytes that are no text: say which encoding the file has",
	holdsNUL:  " must not hold a NUL character",

	notEmail:     " must be an e-mail address, such as name@example.com",
	emailBlank:   " must be an e-mail address without spaces around it",
	emailNamed:   " must be the e-mail address alone, such as name@example.com, without a name or angle brackets",
	emailSeveral: " must be one e-mail address, not several",
	emailNoDot:   " must be an e-mail address with a dot in the domain, such as name@example.com",

	notNumber:         " must be a number, such as 1234.5",
	numberPercent:     " must be a number without a percent sign",
	numberCurrency:    " must be a number without a currency sign",
	numberParentheses: " must be a number without parentheses: write a negative one as -1234.5",
	numberNotFinite:   " must be a finite number, such as 1234.5",
	numberGroups:      " must be a number whose thousands separators stand between groups of three digits, such as 1,234,567.5",
	numberHuge:        " must have at most 131072 digits before the decimal mark and 16383 after it",
	numberPoint:       " must be a number with a point as its decimal mark, such as 1,234.5",
	numberComma:       " must be a number with a comma as its decimal mark, such as 1.234,5",
	numberUnclear:     ": write it without a thousands separator, or set the field's decimal to \".\" or \",\"",

	notDate:       " must be a date, such as 2024-02-29",
	dateMissing:   " must be a date that exists in the calendar",
	dateDMY:       " must be a date in the order day, month, year, such as 29/02/2024",
	dateMDY:       " must be a date in the order month, day, year, such as 02/29/2024",
	dateYMD:       " must be a date in the order year, month, day, such as 2024/02/29",
	dateUnclear:   ": write it with the year first, or set the field's date_order to \"dmy\" or \"mdy\"",
	dateShortYear: " must be a date with its year in four digits, such as 2024-02-29",
	dateSerial:    " must be a date, such as 2024-02-29: a bare number is a date only in a workbook, from 1 to 2958465",
	dateNone:      " must be a date, such as 2024-02-29, not a time alone",
	dateClock:     " must have a time of day between 00:00 and 23:59:59",
	dateZone:      " must have its time zone as an offset, such as +02:00, or Z",
	dateWeekday:   " must be a date whose weekday is right, or have none",

	notPhone:   " must be a phone number, such as (555) 123-4567 or +44 20 7946 0958",
	notBoolean: " must be true or false (or t/f, yes/no, y/n, on/off, 1/0)",
}
