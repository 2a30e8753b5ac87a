package diag

// The results of a KRM function, as its specification has them (config.kubernetes.io/v1, ResourceList.results). They are values;
// the door that writes the list encodes them.

// KRMResult is a finding.
type KRMResult struct {
	Message     string            `json:"message"`
	Severity    string            `json:"severity"`
	ResourceRef *KRMResource      `json:"resourceRef,omitempty"`
	Field       *KRMField         `json:"field,omitempty"`
	File        *KRMFile          `json:"file,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
}

// KRMResource is the object that a finding is about.
type KRMResource struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
}

// KRMField is the place in it.
type KRMField struct {
	Path string `json:"path"`
}

// KRMFile is where it came from.
type KRMFile struct {
	Path  string `json:"path"`
	Index int    `json:"index,omitempty"`
}

// KRMResults are the sorted findings, at most [Limit] of them and then one result for the rest. About tells which object a source is, and its file; either may be nil.
func KRMResults(findings List, about func(*Source) (*KRMResource, *KRMFile)) []KRMResult {
	findings, omitted := findings.limited()
	all := make([]KRMResult, 0, len(findings))
	for _, d := range findings {
		r := KRMResult{Message: krmMessage(d), Severity: d.Severity.String(), Tags: map[string]string{"rule": d.Rule}}
		r.ResourceRef, r.File = about(d.At.Source())
		if path := shownPath(d.At); r.ResourceRef != nil && path != "" {
			r.Field = &KRMField{path}
		}
		all = append(all, r)
	}
	if more := omission(omitted); more != "" {
		all = append(all, KRMResult{Message: more, Severity: omitted.Worst().String()})
	}
	return all
}

// krmMessage is a finding in one line.
func krmMessage(d Diagnostic) string {
	text := d.Rule + ": " + d.Message
	if d.Help != "" {
		text += "; help: " + d.Help
	}
	return text
}
