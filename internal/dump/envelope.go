package dump

// document reads the object that is a dump.
func (s *stager) document() error {
	return s.scan.object("the document", s.topMember)
}

// topMember reads what stands under a key of the document.
func (s *stager) topMember(key []byte) error {
	if t, ok := s.tables[string(key)]; ok {
		return s.listedTable(t)
	}
	switch string(key) {
	case "schema_version", "nakatomi_version", "workspace", "counts", "user_refs", "wharf_version", "exported_at", "scope":
		return s.envelope(string(key))
	}
	s.left.table(key)
	return s.scan.skip()
}

func (s *stager) envelope(key string) (err error) {
	if err := s.once(key); err != nil {
		return err
	}
	switch key {
	case "schema_version":
		s.head.version, err = s.scan.schemaVersion()
		return err
	case "workspace":
		s.head.workspace, err = s.scan.workspace(key)
		return err
	case "counts":
		return s.counts()
	case "user_refs":
		return s.userRefs()
	case "nakatomi_version":
		s.head.foreign = true
	}
	return s.scan.skip()
}

// listedTable reads the rows of a table, whose array comes next.
func (s *stager) listedTable(t *stagingTable) error {
	if err := s.once(t.Name); err != nil {
		return err
	}
	if t.Operational {
		s.left.operational(t.Name)
		return s.scan.skip()
	}
	if err := s.array(t, 0); err != nil {
		return err
	}
	return s.flushAll(t)
}

// once notes a key at the top of the document, which must not stand there again.
func (s *stager) once(key string) error {
	if s.listed[key] {
		return s.scan.invalid("the document has %s twice", key)
	}
	s.listed[key] = true
	return nil
}

// counts reads how many rows each table has, as the document says.
func (s *stager) counts() error {
	return s.scan.object("counts", func(key []byte) error {
		t, ok := s.tables[string(key)]
		if !ok {
			return s.scan.skip()
		}
		n, err := s.scan.count("counts: " + t.Name)
		s.head.counts[t.Name] = n
		return err
	})
}
