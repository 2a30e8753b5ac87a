# What tests of the monitoring need: a Prometheus with its checker, and a network of its own for it.
. .ci/lib.sh
need prometheus
need promtool prometheus
need ip iproute2
