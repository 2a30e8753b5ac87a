package crds

import (
	"bytes"
	"errors"
	"fmt"

	"sigs.k8s.io/yaml"
)

// ValidateStream judges a stream of YAML documents as kubectl reads it: each document decoded by sigs.k8s.io/yaml, strictly,
// and handed to [Validate]. Two documents for the same object are an error, and so is a stream without any document.
func ValidateStream(text []byte) error {
	var all []error
	seen := map[string]int{}
	for i, doc := range split(text) {
		var obj map[string]any
		if err := yaml.UnmarshalStrict(doc, &obj); err != nil {
			all = append(all, fmt.Errorf("document %d: %w", i, err))
			continue
		}
		if err := Validate(obj); err != nil {
			all = append(all, fmt.Errorf("document %d: %w", i, err))
		}
		id := identity(obj)
		if first, twice := seen[id]; twice {
			all = append(all, fmt.Errorf("document %d: %s is document %d already", i, id, first))
			continue
		}
		seen[id] = i
	}
	if len(seen) == 0 && len(all) == 0 {
		return errors.New("no document")
	}
	return errors.Join(all...)
}

// split cuts a stream at the lines that hold three dashes and nothing else, as kubectl does. Documents without content
// are left out.
func split(text []byte) [][]byte {
	var docs [][]byte
	var doc []byte
	end := func() {
		var content any
		if err := yaml.Unmarshal(doc, &content); err != nil || content != nil {
			docs = append(docs, doc)
		}
		doc = nil
	}
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte("---")); ok && len(bytes.TrimSpace(rest)) == 0 {
			end()
			continue
		}
		doc = append(doc, line...)
	}
	end()
	return docs
}
