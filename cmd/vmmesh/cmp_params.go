package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// cmpParams is what an Application says to the plugin. Argo CD does not send the defaults that were announced: they are
// here again.
type cmpParams struct {
	environment string // below the application's directory, with slashes
	only        []selector
}

// cmpParameter is one item of ARGOCD_APP_PARAMETERS; one of the values is there.
type cmpParameter struct {
	Name   string            `json:"name"`
	String *string           `json:"string"`
	Array  []string          `json:"array"`
	Map    map[string]string `json:"map"`
}

// mostParams is the number of items of the parameter only that are looked for in the environment.
const mostParams = 1000

// cmpParams reads the parameters from the environment: the JSON list, or else the single variables that Argo CD makes of
// the same parameters.
func (a *app) cmpParams() (cmpParams, error) {
	p := cmpParams{environment: "."}
	environment, only := "", []string(nil)
	text, _ := a.LookupEnv("ARGOCD_APP_PARAMETERS")
	if text = strings.TrimSpace(text); text != "" && text != "null" {
		var list []cmpParameter
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			return p, errors.New("ARGOCD_APP_PARAMETERS is not the JSON list of parameters that Argo CD writes") // the cause may quote it
		}
		seen := map[string]bool{}
		for _, item := range list {
			if seen[item.Name] {
				return p, fmt.Errorf("the parameter %q is there twice", item.Name)
			}
			seen[item.Name] = true
			switch item.Name {
			case "environment":
				if item.Array != nil || item.Map != nil {
					return p, errors.New(`the parameter "environment" is a string`)
				}
				if item.String != nil {
					environment = *item.String
				}
			case "only":
				if item.String != nil || item.Map != nil {
					return p, errors.New(`the parameter "only" is an array`)
				}
				only = item.Array
			default:
				message := fmt.Sprintf("unknown parameter %q: there are environment and only", item.Name)
				if near := diag.Nearest(item.Name, []string{"environment", "only"}); near != "" {
					message = fmt.Sprintf("unknown parameter %q: did you mean %q?", item.Name, near)
				}
				return p, errors.New(message)
			}
		}
	} else {
		environment, _ = a.LookupEnv("PARAM_ENVIRONMENT")
		missing := ""
		for i := range mostParams {
			name := "PARAM_ONLY_" + strconv.Itoa(i)
			item, found := a.LookupEnv(name)
			switch {
			case !found && missing == "":
				missing = name
			case found && missing != "": // the items that are there would select less than was asked, or everything
				return p, fmt.Errorf("%s is set and %s is not: Argo CD numbers the items of the parameter only from 0, without gaps", name, missing)
			case found:
				only = append(only, item)
			}
		}
	}
	if environment != "" {
		if strings.ContainsAny(environment, "\\\x00") || path.IsAbs(environment) || slices.Contains(strings.Split(environment, "/"), "..") {
			return p, fmt.Errorf("the parameter environment is %q: it names a place below the application's directory, with slashes and without ..", environment)
		}
		p.environment = path.Clean(environment)
	}
	for _, item := range only {
		s, err := parseSelector(item)
		if err != nil {
			return p, err
		}
		p.only = append(p.only, s)
	}
	return p, nil
}

// announcement is a parameter as Argo CD's user interface shows it.
type announcement struct {
	Name           string   `json:"name"`
	Title          string   `json:"title"`
	Tooltip        string   `json:"tooltip"`
	Required       bool     `json:"required"`
	CollectionType string   `json:"collectionType"`
	String         string   `json:"string,omitempty"`
	Array          []string `json:"array,omitempty"`
}

// cmpParameters announces the parameters. Faults of the spec are generate's to say.
func (a *app) cmpParameters() error {
	environment := announcement{
		Name: "environment", Title: "Environment", CollectionType: "string", String: ".",
		Tooltip: "The spec: a file, or the directory of its vmmesh.yaml, below the application's directory.",
	}
	only := announcement{
		Name: "only", Title: "Only", CollectionType: "array",
		Tooltip: "The objects to keep: namespace=NAME, kind=KIND, group=NAME. Empty: everything.",
	}
	if root, err := os.OpenRoot("."); err == nil {
		found := environments(root)
		root.Close()
		if !slices.Equal(found, []string{"."}) && len(found) > 0 {
			environment.Tooltip += " Here: " + strings.Join(found, ", ") + "."
			if !slices.Contains(found, ".") {
				environment.Required, environment.String = true, "" // the default leads nowhere
			}
		}
	}
	if p, err := a.cmpParams(); err == nil {
		if docs, findings, err := readEnvironment(p.environment); err == nil && !findings.HasErrors() {
			all := newSelection(nil)
			if findings, err := fn.Build(docs, all); err == nil && !findings.HasErrors() {
				only.Tooltip += " Here: " + strings.Join(all.choices(), ", ") + "."
			}
		}
	}
	text, err := json.MarshalIndent([]announcement{environment, only}, "", "  ")
	if err != nil {
		return err
	}
	_, err = a.out.Write(append(text, '\n'))
	return err
}
