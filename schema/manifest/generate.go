package manifest

// The tables of constraints and of first versions, and the schemas of schema/crds, come from the module istio.io/api.
//go:generate go run ./internal/gen/main.go
