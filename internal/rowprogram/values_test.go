package rowprogram

import (
	"strings"

	"wharf/internal/tabular"
)

// valueTable is what a field makes of values. It is the test of the types and the source of docs/field-types.md.
type valueTable struct {
	title string
	about string
	field Field
	cases []valueCase
}

// valueCase is one cell: its text and what is stored, or which error it gets.
type valueCase struct {
	in      string
	stored  string
	message string       // without the label
	kind    tabular.Kind // Text unless a workbook told
}

func good(in, stored string) valueCase { return valueCase{in: in, stored: stored} }
func bad(in, message string) valueCase { return valueCase{in: in, message: message} }
func (c valueCase) from(kind tabular.Kind) valueCase {
	c.kind = kind
	return c
}

const nan = "must be a number, such as 1234.5"

var valueTables = []valueTable{
	{
		title: "text", about: "Any valid UTF-8, stored as it is.",
		field: Field{Type: TypeText},
		cases: []valueCase{
			good("Zürich", "Zürich"),
			good("  two  spaces  ", "  two  spaces  "),
			good(" \t\u00a0\u3000\ufeff", ""),
			good("line one\nline two", "line one\nline two"),
			good("00123", "00123"),
			good("NULL", "NULL"),
			good("=1+1", "=1+1"),
			good("👩‍🚀", "👩‍🚀"),
			bad("a\x00b", "must not hold a NUL character"),
			bad("caf\xe9", "holds bytes that are no text: say which encoding the file has"),
			good("45351", "45351").from(tabular.Number),
			bad("#DIV/0!", "holds an error of the spreadsheet: correct its formula, or put a value there").from(tabular.Failed),
		},
	},
	{
		title: "email", about: "One address as RFC 5321 has it, with a dot in the domain, without a display name. Letters beyond ASCII are taken on both sides, as RFC 6531 (SMTPUTF8) lets them; " +
			"blanks around it are an error that a `trim` mends.",
		field: Field{Type: TypeEmail},
		cases: []valueCase{
			good("ada@example.com", "ada@example.com"),
			good("Ada.Lovelace+crm@Mail.Example.co.uk", "Ada.Lovelace+crm@Mail.Example.co.uk"),
			good("o'neil_99!#$%&*/=?^`{|}~-@example.com", "o'neil_99!#$%&*/=?^`{|}~-@example.com"),
			good(`"two words"@example.com`, `"two words"@example.com`),
			good(`"a\"b@c"@example.com`, `"a\"b@c"@example.com`),
			good("jürgen@müller.example", "jürgen@müller.example"),
			good("用户@例子.公司", "用户@例子.公司"),
			good("x@xn--mller-kva.example", "x@xn--mller-kva.example"),
			good(strings.Repeat("l", 64)+"@example.com", strings.Repeat("l", 64)+"@example.com"),
			bad(strings.Repeat("l", 65)+"@example.com", notAnEmail),
			bad("x@"+strings.Repeat("d", 64)+".com", notAnEmail),
			bad("x@"+strings.Repeat("dddddddd.", 28)+"com", notAnEmail),
			bad(" ada@example.com", "must be an e-mail address without spaces around it"),
			bad("Ada <ada@example.com>", "must be the e-mail address alone, such as name@example.com, without a name or angle brackets"),
			bad("ada@example.com; bob@example.com", "must be one e-mail address, not several"),
			bad("ada@localhost", "must be an e-mail address with a dot in the domain, such as name@example.com"),
			bad("ada", notAnEmail),
			bad("ada@", notAnEmail),
			bad("@example.com", notAnEmail),
			bad("a@b@example.com", notAnEmail),
			bad("ada lovelace@example.com", notAnEmail),
			bad(".ada@example.com", notAnEmail),
			bad("ada.@example.com", notAnEmail),
			bad("a..b@example.com", notAnEmail),
			bad("ada@.com", notAnEmail),
			bad("ada@example.", notAnEmail),
			bad("ada@-example.com", notAnEmail),
			bad("ada@example-.com", notAnEmail),
			bad("ada@exam_ple.com", notAnEmail),
			bad("ada@192.0.2.1", notAnEmail),
			bad("ada@[192.0.2.1]", notAnEmail),
			bad("a\u200bda@example.com", notAnEmail),
			bad("ada@☃.example", notAnEmail),
			bad(`"open@example.com`, notAnEmail),
			bad(`"ada\`, notAnEmail),
			good(`"jürgen m"@example.com`, `"jürgen m"@example.com`),
			bad("\"a\u2028b\"@example.com", notAnEmail),
			bad("\"ada\x01\"@example.com", notAnEmail),
			bad("ad\xe9@example.com", notAnEmail),
		},
	},
	{
		title: "number", about: "A decimal number, kept exactly as decimal text. A comma or a point is taken for what it must be; where it could mark thousands as well as decimals, " +
			"the column decides (see below), or the field's `decimal` does. Groups of three digits may be parted by comma, point, space or apostrophe, and the Indian way by comma.",
		field: Field{Type: TypeNumber},
		cases: []valueCase{
			good("0", "0"),
			good("42", "42"),
			good(" 42 ", "42"),
			good("+42", "42"),
			good("-42", "-42"),
			good("−42", "-42"),
			good("-0", "0"),
			good("007", "7"),
			good("1.50", "1.50"),
			good(".5", "0.5"),
			good("5.", "5"),
			good("1.234", "1.234"),
			good("0.1234567890123456789012345678901234567890", "0.1234567890123456789012345678901234567890"),
			good("9007199254740993", "9007199254740993"),
			good("12,5", "12.5"),
			good("0,123", "0.123"),
			good("1234,567", "1234.567"),
			bad("1,234", "1,234 may be 1234 or 1.234: write it without a thousands separator, or set the field's decimal to \".\" or \",\""),
			good("1,234.56", "1234.56"),
			good("1.234,56", "1234.56"),
			good("1,234,567", "1234567"),
			good("1.234.567", "1234567"),
			good("-1.234.567,8", "-1234567.8"),
			good("12,34,567", "1234567"),
			good("12,34,567.80", "1234567.80"),
			good("1 234 567,89", "1234567.89"),
			good("1\u00a0234\u00a0567", "1234567"),
			good("1\u202f234,5", "1234.5"),
			good("11'373.94", "11373.94"),
			good("11’373.94", "11373.94"),
			bad("1,23,456,7", badGroups),
			bad("1,2345,678", badGroups),
			bad("1.23.45", badGroups),
			bad("0,123,456", badGroups),
			bad("1,234.567,8", nan),
			bad("1,,234", nan),
			bad("1'234 567", nan),
			good("1e3", "1000"),
			good("1.5E-3", "0.0015"),
			good("-2.50e+2", "-250"),
			good("12.5e0", "12.5"),
			good("0.001e2", "0.1"),
			good("0e5", "0"),
			good("1e1500", "1e1500"),
			bad("1e999999", "must have at most 131072 digits before the decimal mark and 16383 after it"),
			bad("1e-99999", "must have at most 131072 digits before the decimal mark and 16383 after it"),
			bad("1e", nan),
			bad("e5", nan),
			bad("NaN", "must be a finite number, such as 1234.5"),
			bad("∞", "must be a finite number, such as 1234.5"),
			bad("-Infinity", "must be a finite number, such as 1234.5"),
			bad("0x1F", nan),
			bad("1_000", nan),
			bad("12 km", nan),
			bad("twelve", nan),
			bad("--5", nan),
			bad("5-", nan),
			bad(".", nan),
			bad("٣", nan),
			bad("50%", "must be a number without a percent sign"),
			bad("$1,036.47", "must be a number without a currency sign"),
			bad("12 €", "must be a number without a currency sign"),
			bad("(1,036.47)", "must be a number without parentheses: write a negative one as -1234.5"),
			good("0.5", "0.5").from(tabular.Number),
			good("1.234", "1.234").from(tabular.Number),
			good("4.5351E4", "45351").from(tabular.Number),
			bad("true", nan).from(tabular.Boolean),
			bad("2024-02-29", nan).from(tabular.Date),
		},
	},
	{
		title: "number with `decimal` \".\"", about: "The comma stands between thousands only.",
		field: Field{Type: TypeNumber, Decimal: "."},
		cases: []valueCase{
			good("1,234", "1234"), good("1.234", "1.234"), good("1,234.5", "1234.5"),
			bad("12,5", "must be a number with a point as its decimal mark, such as 1,234.5"),
			bad("1.234,5", "must be a number with a point as its decimal mark, such as 1,234.5"),
			bad("0,123", "must be a number with a point as its decimal mark, such as 1,234.5"),
		},
	},
	{
		title: "number with `decimal` \",\"", about: "The point stands between thousands only.",
		field: Field{Type: TypeNumber, Decimal: ","},
		cases: []valueCase{
			good("1,234", "1.234"), good("1.234", "1234"), good("1.234,5", "1234.5"), good("7", "7"),
			bad("12.5", "must be a number with a comma as its decimal mark, such as 1.234,5"),
			bad("1,234,567", "must be a number with a comma as its decimal mark, such as 1.234,5"),
			good("12.5", "12.5").from(tabular.Number),
		},
	},
	{
		title: "date", about: "A day of the calendar from the year 1 to 9999, stored as ISO 8601; a time and its offset are kept as they were written. Where day and month could be swapped, " +
			"the column decides (see below), or the field's `date_order` does. Years of two digits lie between 1969 and 2068. Names are English, whole or short.",
		field: Field{Type: TypeDate},
		cases: []valueCase{
			good("2024-02-29", "2024-02-29"),
			good(" 2024-02-29 ", "2024-02-29"),
			bad("2023-02-29", noSuchDate),
			bad("2024-02-30", noSuchDate),
			bad("1900-02-29", noSuchDate),
			good("2000-02-29", "2000-02-29"),
			bad("0000-01-01", noSuchDate),
			bad("2024-13-01", noSuchDate),
			bad("2024-00-10", noSuchDate),
			good("9999-12-31", "9999-12-31"),
			good("2024/2/9", "2024-02-09"),
			good("2024.02.29", "2024-02-29"),
			good("20240229", "2024-02-29"),
			bad("20240230", noSuchDate),
			good("13/02/2024", "2024-02-13"),
			good("02/13/2024", "2024-02-13"),
			good("2/2/2024", "2024-02-02"),
			good("14-08-2019", "2019-08-14"),
			bad("03/04/2024", "03/04/2024 may be 2024-04-03 or 2024-03-04: write it with the year first, or set the field's date_order to \"dmy\" or \"mdy\""),
			bad("30/02/2024", noSuchDate),
			bad("31/13/2024", noSuchDate),
			good("3.4.2024", "2024-04-03"),
			good("31. 12. 2024", "2024-12-31"),
			bad("02.13.2024", "must be a date in the order day, month, year, such as 29/02/2024"),
			good("6/13/15", "2015-06-13"),
			good("13/6/68", "2068-06-13"),
			good("13/6/69", "1969-06-13"),
			bad("24-02-29", "must be a date with its year in four digits, such as 2024-02-29"),
			bad("13/02-2024", notADate),
			good("29 Feb 2024", "2024-02-29"),
			good("29-Feb-24", "2024-02-29"),
			good("29FEB2024", "2024-02-29"),
			good("Feb 29, 2024", "2024-02-29"),
			good("february 29th 2024", "2024-02-29"),
			good("1st September, 2024", "2024-09-01"),
			good("Sept. 1, 2024", "2024-09-01"),
			good("2024-Feb-29", "2024-02-29"),
			good("Thu, 29 Feb 2024", "2024-02-29"),
			bad("Fri, 29 Feb 2024", "must be a date whose weekday is right, or have none"),
			bad("29 Fev 2024", notADate),
			bad("Feb 2024", notADate),
			bad("2024-02", notADate),
			bad("2024", "must be a date, such as 2024-02-29: a bare number is a date only in a workbook, from 1 to 2958465"),
			bad("45351", "must be a date, such as 2024-02-29: a bare number is a date only in a workbook, from 1 to 2958465"),
			bad("tomorrow", notADate),
			good("2024-02-29T13:45:00Z", "2024-02-29T13:45:00Z"),
			good("2024-07-01T11:54:49.95+00:00", "2024-07-01T11:54:49.95+00:00"),
			good("2024-02-29 13:45", "2024-02-29T13:45:00"),
			good("2024-02-29T134500+0530", "2024-02-29T13:45:00+05:30"),
			good("20240229T1345Z", "2024-02-29T13:45:00Z"),
			good("5/19/2006 0:00:00", "2006-05-19T00:00:00"),
			good("2/29/2024 1:05 PM", "2024-02-29T13:05:00"),
			good("2/29/2024, 12:05:09 am", "2024-02-29T00:05:09"),
			good("2024-02-29 13:45:00 -08", "2024-02-29T13:45:00-08:00"),
			good("Thu, 29 Feb 2024 13:45:00 GMT", "2024-02-29T13:45:00Z"),
			good("Thu Feb 29 2024 13:45:00 GMT+0100", "2024-02-29T13:45:00+01:00"),
			bad("2024-02-29 13:45 CET", "must have its time zone as an offset, such as +02:00, or Z"),
			bad("2024-02-29 13:45 +02:5", "must have its time zone as an offset, such as +02:00, or Z"),
			bad("2024-02-29 13:45 +02:60", "must have its time zone as an offset, such as +02:00, or Z"),
			bad("2024-02-29 13:45 +16:00", "must have its time zone as an offset, such as +02:00, or Z"),
			bad("2024-02-29 13:45 +02000", "must have its time zone as an offset, such as +02:00, or Z"),
			bad("2024-02-29T13:45Z+02:00", "must have its time zone as an offset, such as +02:00, or Z"),
			bad("2024-02-29 13:45!", notADate),
			bad("2024-02-29 13:5", notADate),
			bad("2024-02-29 13:45:0", notADate),
			bad("2024-02-29x", notADate),
			bad("Thu29 Feb 2024", notADate),
			bad("Feb2024", notADate),
			bad("2024-February", notADate),
			bad("2024 02 29", notADate),
			bad("2024-O2-29", notADate),
			bad("13/O2/2024", notADate),
			bad("2024-02-29T24:00:00", noSuchTime),
			bad("2024-02-29 23:59:60", noSuchTime),
			bad("2/29/2024 13:05 PM", noSuchTime),
			bad("2024-02-29T", notADate),
			bad("2024-02-29 1345", notADate),
			bad("13:45", "must be a date, such as 2024-02-29, not a time alone"),
			good("45351", "2024-02-29").from(tabular.Number),
			good("45351.573", "2024-02-29T13:45:07.200").from(tabular.Number),
			good("45351.5", "2024-02-29T12:00:00").from(tabular.Number),
			good("1", "1900-01-01").from(tabular.Number),
			good("59", "1900-02-28").from(tabular.Number),
			bad("60", noSuchDate).from(tabular.Number),
			good("61", "1900-03-01").from(tabular.Number),
			good("2958465", "9999-12-31").from(tabular.Number),
			good("20240229", "2024-02-29").from(tabular.Number),
			bad("0.5", "must be a date, such as 2024-02-29: a bare number is a date only in a workbook, from 1 to 2958465").from(tabular.Number),
			bad("2958466", "must be a date, such as 2024-02-29: a bare number is a date only in a workbook, from 1 to 2958465").from(tabular.Number),
			good("2024-02-29T13:45:00", "2024-02-29T13:45:00").from(tabular.Date),
			bad("13:45:00", "must be a date, such as 2024-02-29, not a time alone").from(tabular.Date),
			bad("true", notADate).from(tabular.Boolean),
		},
	},
	{
		title: "date with `date_order` \"dmy\"", about: "Numeric dates that end with their year have the day first. ISO dates and names are read as ever.",
		field: Field{Type: TypeDate, DateOrder: "dmy"},
		cases: []valueCase{
			good("03/04/2024", "2024-04-03"), good("03-04-24", "2024-04-03"), good("2024-04-03", "2024-04-03"), good("Apr 3, 2024", "2024-04-03"),
			bad("02/13/2024", "must be a date in the order day, month, year, such as 29/02/2024"),
		},
	},
	{
		title: "date with `date_order` \"mdy\"", about: "Numeric dates that end with their year have the month first, points between them or not.",
		field: Field{Type: TypeDate, DateOrder: "mdy"},
		cases: []valueCase{
			good("03/04/2024", "2024-03-04"), good("03.04.2024", "2024-03-04"), good("2024-04-03", "2024-04-03"),
			bad("13/02/2024", "must be a date in the order month, day, year, such as 02/29/2024"),
		},
	},
	{
		title: "date with `date_order` \"ymd\"", about: "Numeric dates begin with their year, in four digits or two.",
		field: Field{Type: TypeDate, DateOrder: "YMD"},
		cases: []valueCase{
			good("24-02-29", "2024-02-29"), good("24/02/29", "2024-02-29"), good("2024/02/29", "2024-02-29"),
			bad("29/02/2024", "must be a date in the order year, month, day, such as 2024/02/29"),
		},
	},
	{
		title: "phone", about: "What libphonenumber reads as a number, for the default region US here; stored as given, unless `normalize_phone` rewrites it. Whether the number is in use is not asked.",
		field: Field{Type: TypePhone},
		cases: []valueCase{
			good("(650) 253-0000", "(650) 253-0000"),
			good("6502530000", "6502530000"),
			good("1-650-253-0000", "1-650-253-0000"),
			good("+1 650.253.0000", "+1 650.253.0000"),
			good("650-253-0000 ext. 12", "650-253-0000 ext. 12"),
			good("1-800-FLOWERS", "1-800-FLOWERS"),
			good("+44 20 7946 0958", "+44 20 7946 0958"),
			good("+49 (0)30 901820", "+49 (0)30 901820"),
			good("011 44 20 7946 0958", "011 44 20 7946 0958"),
			good("911", "911"),
			good("6502530000", "6502530000").from(tabular.Number),
			bad("1", notAPhone),
			bad("+999 123456", notAPhone),
			bad("n/a", notAPhone),
			bad("650-253-0000 / 650-253-0001", notAPhone),
			bad("650-253-0000\x00", "must not hold a NUL character"),
		},
	},
	{
		title: "boolean", about: "In any case, with or without blanks around it.",
		field: Field{Type: TypeBoolean},
		cases: []valueCase{
			good("true", "true"), good("TRUE", "true"), good("t", "true"), good("Yes", "true"), good("y", "true"), good("ON", "true"), good("1", "true"),
			good("false", "false"), good("F", "false"), good("no", "false"), good("N", "false"), good("off", "false"), good(" 0 ", "false"),
			good("true", "true").from(tabular.Boolean), good("1", "true").from(tabular.Number),
			bad("2", notABoolean), bad("yep", notABoolean), bad("ja", notABoolean), bad("✓", notABoolean),
		},
	},
	{
		title: "select", about: "One of the `options`, in any case; `value_map` goes before them. Stored in the option's spelling. Here the options are Open, Won and Lost, and `value_map` says that gewonnen means Won.",
		field: Field{Type: TypeSelect, Options: []string{"Open", "Won", "Lost"}, ValueMap: map[string]string{"gewonnen": "won"}},
		cases: []valueCase{
			good("Open", "Open"), good("WON", "Won"), good(" lost ", "Lost"), good("Gewonnen", "Won"),
			bad("Pending", "must be Open, Won or Lost"), bad("Open Won", "must be Open, Won or Lost"),
		},
	},
	{
		title: "select whose options differ in case alone", about: "Then the exact spelling is needed. Here the options are AM, am and pm.",
		field: Field{Type: TypeSelect, Options: []string{"AM", "am", "pm"}},
		cases: []valueCase{
			good("AM", "AM"), good("am", "am"), good("PM", "pm"), bad("Am", "must be AM, am or pm"),
		},
	},
	{
		title: "custom_regex", about: "What its `regex` validator matches somewhere (the pattern is unanchored), stored as it is. Here the pattern is `^[A-Z]{2}-\\d+$`.",
		field: Field{Type: TypeCustomRegex, Validators: []Validator{{Type: "regex", Pattern: `^[A-Z]{2}-\d+$`}}},
		cases: []valueCase{
			good("AB-12", "AB-12"),
			bad("ab-12", `must match the pattern ^[A-Z]{2}-\d+$`),
			bad(" AB-12", `must match the pattern ^[A-Z]{2}-\d+$`),
		},
	},
}

const (
	notAnEmail  = "must be an e-mail address, such as name@example.com"
	badGroups   = "must be a number whose thousands separators stand between groups of three digits, such as 1,234,567.5"
	noSuchDate  = "must be a date that exists in the calendar"
	notADate    = "must be a date, such as 2024-02-29"
	noSuchTime  = "must have a time of day between 00:00 and 23:59:59"
	notAPhone   = "must be a phone number, such as (555) 123-4567 or +44 20 7946 0958"
	notABoolean = "must be true or false (or t/f, yes/no, y/n, on/off, 1/0)"
)
