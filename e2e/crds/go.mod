// Not for building: the Prometheus operator's types of objects, pinned apart from the servers so that its dependencies
// are not theirs.
module github.com/vmmesh/vmmesh/e2e/crds

go 1.26.8

require github.com/prometheus-operator/prometheus-operator v0.92.1
