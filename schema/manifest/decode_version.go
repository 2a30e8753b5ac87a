package manifest

import "google.golang.org/protobuf/reflect/protoreflect"

// FirstVersion is the minor of the Istio (27 for 1.27) whose API first had a field, by its JSON name, of a message, or
// a value of an enum; 0 where that was before 1.24, the oldest that vmmesh knows.
func FirstVersion(owner protoreflect.FullName, name string) int {
	return firstVersions[string(owner)+"."+name]
}

// specMayBeNew are fields that a spec may use with any Istio.
var specMayBeNew = map[string]bool{
	"istio.security.v1beta1.Source.serviceAccounts":    true,
	"istio.security.v1beta1.Source.notServiceAccounts": true,
}

// specMayOmit are required fields that vmmesh fills in where a spec leaves them out.
var specMayOmit = map[string]bool{
	"istio.networking.v1alpha3.Destination.host": true,
}
