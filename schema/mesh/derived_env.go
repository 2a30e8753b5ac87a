package mesh

// DerivedEnv tells whether a line of cluster.env is a fact of the mesh, said elsewhere in the spec.
func DerivedEnv(name string) bool { return derivedEnv[name] != "" }
