package fn

// The page that lists every rule, schema/README.md, comes from the rules.
//go:generate go run ./internal/rulesdoc/main.go
