package diag

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The SARIF report, version 2.1.0 (OASIS, Errata 01), as code scanners and editors read it. One run; of the rules those that
// the findings are of. Columns are in Unicode code points.

const sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

// Home is where vmmesh and its documentation are.
const Home = "https://github.com/vmmesh/vmmesh"

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool       sarifTool      `json:"tool"`
	ColumnKind string         `json:"columnKind"`
	Results    []sarifResult  `json:"results"`
	Properties map[string]any `json:"properties,omitempty"` // how many findings are not in the results
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name           string      `json:"name"`
	InformationURI string      `json:"informationUri"`
	Rules          []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID      string        `json:"id"`
	Name    string        `json:"name"`
	Short   sarifText     `json:"shortDescription"`
	Full    sarifText     `json:"fullDescription"`
	Help    sarifMarkdown `json:"help"`
	Default sarifLevel    `json:"defaultConfiguration"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifMarkdown struct {
	Text     string `json:"text"`
	Markdown string `json:"markdown"`
}

type sarifLevel struct {
	Level string `json:"level"`
}

type sarifResult struct {
	RuleID       string            `json:"ruleId"`
	RuleIndex    *int              `json:"ruleIndex,omitempty"`
	Level        string            `json:"level"`
	Message      sarifText         `json:"message"`
	Locations    []sarifLocation   `json:"locations,omitempty"`
	Fingerprints map[string]string `json:"partialFingerprints"`
}

type sarifLocation struct {
	Physical *sarifPhysical `json:"physicalLocation,omitempty"`
	Logical  []sarifLogical `json:"logicalLocations,omitempty"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   *sarifRegion  `json:"region,omitempty"`
}

type sarifArtifact struct {
	URI string `json:"uri"`
}

type sarifRegion struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn,omitempty"`
}

type sarifLogical struct {
	Name string `json:"fullyQualifiedName"`
}

func writeSARIF(w io.Writer, findings, omitted List, rules []*Rule) error {
	run := sarifRun{
		Tool:       sarifTool{sarifDriver{Name: "vmmesh", InformationURI: Home, Rules: []sarifRule{}}},
		ColumnKind: "unicodeCodePoints", Results: []sarifResult{},
	}
	if len(omitted) > 0 {
		run.Properties = map[string]any{"omitted": len(omitted)}
	}
	known := map[string]*Rule{}
	for _, r := range rules {
		known[r.ID] = r
	}
	index := map[string]int{}
	seen := map[string]int{}
	var lines lineReader
	for _, d := range findings {
		if r := known[d.Rule]; r != nil {
			if _, listed := index[d.Rule]; !listed {
				index[d.Rule] = len(run.Tool.Driver.Rules)
				run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRuleOf(r))
			}
		}
		run.Results = append(run.Results, sarifResultOf(d, index, seen, &lines))
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(sarifLog{sarifSchema, "2.1.0", []sarifRun{run}})
}

func sarifRuleOf(r *Rule) sarifRule {
	help := sarifMarkdown{
		Text:     r.Long + "\n\nDraws the finding:\n\n" + r.Bad + "\n\nMended:\n\n" + r.Good,
		Markdown: r.Long + "\n\nDraws the finding:\n\n```yaml\n" + strings.TrimRight(r.Bad, "\n") + "\n```\n\nMended:\n\n```yaml\n" + strings.TrimRight(r.Good, "\n") + "\n```\n",
	}
	return sarifRule{r.ID, r.Name, sarifText{r.Doc}, sarifText{r.Long}, help, sarifLevel{sarifLevelOf(r.Severity)}}
}

func sarifLevelOf(s Severity) string {
	switch s {
	case Error:
		return "error"
	case Warning:
		return "warning"
	}
	return "note"
}

func sarifResultOf(d Diagnostic, index, seen map[string]int, lines *lineReader) sarifResult {
	message := d.Message
	if d.Help != "" {
		message += "\nhelp: " + d.Help
	}
	r := sarifResult{RuleID: d.Rule, Level: sarifLevelOf(d.Severity), Message: sarifText{message}}
	if i, listed := index[d.Rule]; listed {
		r.RuleIndex = &i
	}
	var place sarifLocation
	file := ""
	pos := d.Pos()
	if s := d.At.Source(); s != nil && s.Name != "" && s.Name != "-" {
		file = s.Name
		place.Physical = &sarifPhysical{Artifact: sarifArtifact{uriOf(s.Name)}}
		if pos.Line > 0 {
			place.Physical.Region = &sarifRegion{StartLine: pos.Line}
			if line, ok := lines.line(s, pos.Line); ok && pos.Col > 0 {
				before := line[:min(pos.Col-1, len(line))]
				place.Physical.Region.StartColumn = utf8.RuneCount(before) + 1
			}
		}
	}
	path := shownPath(d.At)
	if path != "" {
		place.Logical = []sarifLogical{{path}}
	}
	if place.Physical != nil || place.Logical != nil {
		r.Locations = []sarifLocation{place}
	}
	// What tells a finding from run to run: where it is in the document, and not on which line.
	what := strings.Join([]string{d.Rule, file, path}, "\n")
	seen[what]++
	sum := sha256.Sum256([]byte(what + "\n" + strconv.Itoa(seen[what])))
	r.Fingerprints = map[string]string{"vmmesh/v1": hex.EncodeToString(sum[:16])}
	return r
}

// uriOf is a file's name as a URI reference: relative to the repository, or absolute.
func uriOf(name string) string {
	name = strings.ReplaceAll(name, "\\", "/")
	if strings.HasPrefix(name, "/") {
		return (&url.URL{Scheme: "file", Path: name}).String()
	}
	name = strings.TrimPrefix(name, "./")
	return strings.TrimPrefix((&url.URL{Path: name}).String(), "./")
}
