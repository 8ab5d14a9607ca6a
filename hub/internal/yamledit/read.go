package yamledit

import "strings"

// File is a text whose values can be read one by one, as they are written.
type File struct{ y *yamlText }

// Read reads a text. Its error is *Refused.
func Read(data []byte) (File, error) {
	y, err := readYAML(unixLines(data))
	return File{y}, err
}

func (f File) at(path string) *part {
	steps, err := parsePath(path)
	if err != nil || f.y == nil {
		return nil
	}
	at := f.y.find(steps)
	if at.rest != nil {
		return nil
	}
	return at.value()
}

// Value is a single value, empty if there is none.
func (f File) Value(path string) string { return f.at(path).word() }

// Values are those of a list of single values.
func (f File) Values(path string) (list []string) {
	for i := range f.Len(path) {
		list = append(list, f.at(path).entries[i].value.word())
	}
	return list
}

// Len is how many entries a list has.
func (f File) Len(path string) int {
	if p := f.at(path); p != nil && p.kind == partList {
		return len(p.entries)
	}
	return 0
}

func (p *part) word() string {
	if p == nil || p.kind != partScalar {
		return ""
	}
	_, word, _ := strings.Cut(p.scalar, " ")
	return word
}
