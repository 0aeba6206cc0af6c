package tabular

import "wharf/internal/fault"

// Check finds, before there is a file, what no file could be read with. It gives a fault.Invalid that names the options.
func (o Options) Check() error {
	var wrong []fault.Field
	note := func(option string, err error) {
		if f, coded := fault.As(err); coded {
			wrong = append(wrong, fault.Field{Field: option, Message: f.Message})
		}
	}
	if o.Encoding != "" {
		_, err := charsetNamed(o.Encoding)
		note("encoding", err)
	}
	if o.Delimiter != "" {
		_, err := delimiterNamed(o.Delimiter)
		note("delimiter", err)
	}
	if len(wrong) > 0 {
		return fault.New(fault.Invalid, "the file cannot be read as it is asked for").WithFields(wrong...)
	}
	return nil
}
