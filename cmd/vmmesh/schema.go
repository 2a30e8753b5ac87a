package main

import (
	"github.com/spf13/cobra"

	"github.com/vmmesh/vmmesh/schema"
)

func (a *app) schemaCommand() *cobra.Command {
	openAPI := false
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of a spec",
		Long: `Print the JSON Schema of vmmesh.yaml, for editors and other checkers. It is the schema that lint
and build check with.

With --openapi, print the OpenAPI file with the merge keys of a spec's lists instead: kustomize
needs it to patch a spec. Name it in the openapi field of the kustomization that patches specs,
and in no other: it takes the place of kustomize's whole built-in schema.

Exit codes: 0 printed; 2 the command line makes no sense; 3 standard output could not be written.`,
		Example: `  vmmesh schema > vmmesh.schema.json
  vmmesh schema --openapi > spec/vmmesh.openapi.json`,
		Args:              none,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: a.runs(func([]string) error {
			text := schema.JSONSchema()
			if openAPI {
				text = schema.OpenAPI()
			}
			_, err := a.out.Write(text)
			return err
		}),
	}
	cmd.Flags().BoolVar(&openAPI, "openapi", false, "print the OpenAPI file for kustomize instead")
	return cmd
}
