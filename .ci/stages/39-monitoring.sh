# Prometheus as people run it: Debian's is older than scrape_config_files, so the program and its checker are built from the
# module, and the tests of what watches the VMs run once more with them.
. .ci/lib.sh
work=$CI_TMP/monitoring
mkdir -p "$work/build" "$work/bin"
release=v0.314.0 # of the module, which is 3.14 of the program
(
	cd "$work/build" || exit
	go mod init build >/dev/null 2>&1
	export GOFLAGS=-mod=mod
	go get "github.com/prometheus/prometheus/cmd/prometheus@$release" "github.com/prometheus/prometheus/cmd/promtool@$release"
	go build -o "$work/bin/" github.com/prometheus/prometheus/cmd/prometheus github.com/prometheus/prometheus/cmd/promtool
)
PATH=$work/bin:$PATH
go build -o "$work/bin/vmmesh" ./cmd/vmmesh

# The lines that a reader is told to add, over the tree of the example.
vmmesh build -q examples/payments -o "$work/payments"
printf '%s\n' 'scrape_config_files: [monitoring/scrape/*.yaml]' 'rule_files: [monitoring/rules/*.yaml]' >"$work/payments/prometheus.yml"
promtool check config "$work/payments/prometheus.yml" | tee "$work/checked.txt"
grep -q 'SUCCESS: 1 rule files found' "$work/checked.txt"
go test ./fn -count=1 -run '^(TestPrometheus|TestPromQL|TestAlerts)'
