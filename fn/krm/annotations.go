package krm

import "strings"

// Annotations by which orchestrators and functions talk to each other. The values are those of kyaml's kioutil, which a
// test holds them to: the package itself would bring ninety others into the program, net/http among them.
const (
	internalPrefix        = "internal.config.kubernetes.io/" // an orchestrator's own, all of them
	pathAnnotation        = internalPrefix + "path"
	indexAnnotation       = internalPrefix + "index"
	legacyPathAnnotation  = "config.kubernetes.io/path"
	legacyIndexAnnotation = "config.kubernetes.io/index"
	legacyIDAnnotation    = "config.k8s.io/id"
	kustomizeIDAnnotation = "kustomize.config.k8s.io/id" // on what a transformer is given
)

// OwnerAnnotation names, on an object that was expanded in place, the VMMesh that it comes from: its name, or
// namespace/name. What carries the name of a VMMesh that is being expanded is replaced, and removed when the VMMesh no
// longer asks for it; nothing else ever is.
const OwnerAnnotation = "vmmesh.dev/owner"

// bookkeeping tells whether an annotation is an orchestrator's note about where an object is kept: no part of what the
// object says, and not ours to change.
func bookkeeping(key string) bool {
	switch key {
	case legacyPathAnnotation, legacyIndexAnnotation, legacyIDAnnotation, kustomizeIDAnnotation:
		return true
	}
	return strings.HasPrefix(key, internalPrefix)
}
