package rowprogram

// columnTable is what a whole column makes of its values.
var columnTables = []struct {
	about  string
	field  Field
	in     []string
	stored []string // "!" is an error
	want   *Decision
}{
	{
		"One value that can only have the day first decides for the others.",
		Field{Type: TypeDate},
		[]string{"03/04/2024", "13/02/2024"},
		[]string{"2024-04-03", "2024-02-13"},
		&Decision{What: "date_order", Value: "dmy", Reason: "13/02/2024 in row 3 can only have the day first"},
	},
	{
		"The same with the month.",
		Field{Type: TypeDate},
		[]string{"03/04/24", "", "02/13/2024 9:15 AM"},
		[]string{"2024-03-04", "", "2024-02-13T09:15:00"},
		&Decision{What: "date_order", Value: "mdy", Reason: "02/13/2024 9:15 AM in row 4 can only have the month first"},
	},
	{
		"Points are written where the day comes first.",
		Field{Type: TypeDate},
		[]string{"03/04/2024", "05.06.2024"},
		[]string{"2024-04-03", "2024-06-05"},
		&Decision{What: "date_order", Value: "dmy", Reason: "05.06.2024 in row 3 can only have the day first"},
	},
	{
		"Nothing decides: what could be either is an error, the rest is read.",
		Field{Type: TypeDate},
		[]string{"03/04/2024", "2024-04-03", "5/5/2024"},
		[]string{"!", "2024-04-03", "2024-05-05"},
		&Decision{What: "date_order", Reason: "no value tells day from month: 03/04/2024 in row 2 could be either"},
	},
	{
		"Both orders in one column decide nothing.",
		Field{Type: TypeDate},
		[]string{"13/02/2024", "02/13/2024", "03/04/2024"},
		[]string{"2024-02-13", "2024-02-13", "!"},
		&Decision{What: "date_order", Reason: "the column holds both orders: 13/02/2024 in row 2 has the day first, 02/13/2024 in row 3 the month"},
	},
	{
		"A day that does not exist decides nothing.",
		Field{Type: TypeDate},
		[]string{"30/02/2024", "03/04/2024"},
		[]string{"!", "!"},
		&Decision{What: "date_order", Reason: "no value tells day from month: 03/04/2024 in row 3 could be either"},
	},
	{
		"A decimal comma elsewhere decides for a comma and for a point.",
		Field{Type: TypeNumber},
		[]string{"1,234", "1.234", "98,76"},
		[]string{"1.234", "1234", "98.76"},
		&Decision{What: "decimal", Value: ",", Reason: "98,76 in row 4 can only have a decimal comma"},
	},
	{
		"So does a decimal point.",
		Field{Type: TypeNumber},
		[]string{"1,234", "99.95"},
		[]string{"1234", "99.95"},
		&Decision{What: "decimal", Value: ".", Reason: "99.95 in row 3 can only have a decimal point"},
	},
	{
		"Thousands written twice decide as well.",
		Field{Type: TypeNumber},
		[]string{"1,234", "1,234,567"},
		[]string{"1234", "1234567"},
		&Decision{What: "decimal", Value: ".", Reason: "1,234,567 in row 3 can only have a decimal point"},
	},
	{
		"A point alone marks decimals, as machines write them; nothing needs a decision.",
		Field{Type: TypeNumber},
		[]string{"1.234", "2.500"},
		[]string{"1.234", "2.500"},
		nil,
	},
	{
		"A decimal comma further down takes a point alone back.",
		Field{Type: TypeNumber},
		[]string{"1.234", "1.234,5"},
		[]string{"1234", "1234.5"},
		&Decision{What: "decimal", Value: ",", Reason: "1.234,5 in row 3 can only have a decimal comma"},
	},
	{
		"Nothing decides: each of them is an error.",
		Field{Type: TypeNumber},
		[]string{"1,234", "1.234", "17"},
		[]string{"!", "!", "17"},
		&Decision{What: "decimal", Reason: "no value tells decimals from thousands: 1,234 in row 2 could be either"},
	},
	{
		"Both marks in one column decide nothing.",
		Field{Type: TypeNumber},
		[]string{"12,5", "12.5", "1,234"},
		[]string{"12.5", "12.5", "!"},
		&Decision{What: "decimal", Reason: "the column holds both: 12.5 in row 3 has a decimal point, 12,5 in row 2 a decimal comma"},
	},
	{
		"Both marks, and nothing that could be either: all is read.",
		Field{Type: TypeNumber},
		[]string{"12,5", "12.5"},
		[]string{"12.5", "12.5"},
		nil,
	},
	{
		"`normalize_date` on a text asks the column too.",
		Field{Type: TypeText, Transformations: []Transformation{{Type: "normalize_date"}}},
		[]string{"03/04/2024", "13/02/2024", "unknown"},
		[]string{"2024-04-03", "2024-02-13", "unknown"},
		&Decision{What: "date_order", Value: "dmy", Reason: "13/02/2024 in row 3 can only have the day first"},
	},
}
