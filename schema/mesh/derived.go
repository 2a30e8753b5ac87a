package mesh

// DerivedEnv tells whether a line of cluster.env is a fact of the mesh, said elsewhere in the spec.
func DerivedEnv(name string) bool { return derivedEnv[name] != "" }

// DerivedLabel tells whether a label of VMs is derived, so that a spec refuses it.
func DerivedLabel(key string) bool { return derivedLabel(key) != "" }

// DerivedAnnotation tells whether an annotation of VMs is derived, or Istio's own.
func DerivedAnnotation(key string) bool { return derivedAnnotation(key) != "" }
