package diag

import (
	"encoding/json"
	"io"
)

// The JSON report, for programs. Fields may be added to it, none is ever renamed, removed or left out:
//
//	{
//	  "findings": [
//	    {
//	      "rule": "VM010",
//	      "severity": "error",              "error", "warning" or "info"
//	      "message": "unknown field …",
//	      "help": "did you mean …",         "" where there is none
//	      "file": "vmmesh.yaml",            "-" for standard input
//	      "line": 12,                       from 1; 0 where it is unknown
//	      "column": 9,                      from 1, in bytes; 0 where it is unknown
//	      "path": "spec.workloads[a].…"     "" for the whole document
//	    }
//	  ],
//	  "summary": {"errors": 1, "warnings": 0, "infos": 0}   counts all; with "omitted": n where n of them are not listed
//	}
type jsonReport struct {
	Findings []jsonFinding `json:"findings"`
	Summary  jsonSummary   `json:"summary"`
}

type jsonFinding struct {
	Rule     string `json:"rule"`
	Severity string `json:"severity"`
	Message  string `json:"message"`
	Help     string `json:"help"`
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Path     string `json:"path"`
}

type jsonSummary struct {
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
	Infos    int `json:"infos"`
	Omitted  int `json:"omitted,omitempty"`
}

func writeJSON(w io.Writer, findings, omitted List) error {
	report := jsonReport{
		Findings: make([]jsonFinding, 0, len(findings)), // [] and not null
		Summary: jsonSummary{
			Errors: findings.Count(Error) + omitted.Count(Error), Warnings: findings.Count(Warning) + omitted.Count(Warning),
			Infos: findings.Count(Info) + omitted.Count(Info), Omitted: len(omitted),
		},
	}
	for _, d := range findings {
		pos := d.Pos()
		f := jsonFinding{
			Rule: d.Rule, Severity: d.Severity.String(), Message: d.Message, Help: d.Help,
			Line: max(pos.Line, 0), Column: max(pos.Col, 0), Path: shownPath(d.At),
		}
		if s := d.At.Source(); s != nil {
			f.File = s.Name
		}
		report.Findings = append(report.Findings, f)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(report)
}
