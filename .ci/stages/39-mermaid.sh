# What `vmmesh graph` draws, read by the real Mermaid: every example and good case, a spec whose texts would be syntax, and
# one of many VMs.
. .ci/lib.sh
need node nodejs
need npm
work=$CI_TMP/mermaid
mkdir -p "$work"
npm install --prefix "$work" --no-audit --no-fund --no-save --loglevel=error mermaid@11.17.2 jsdom@26.1.0
cp testdata/graph/mermaid.mjs "$work/"
go build -o "$work/vmmesh" ./cmd/vmmesh
{
	sed 's/^  name: .*/  name: many/; /^    groups:/,$d' examples/minimal/vmmesh.yaml
	echo '    groups:'
	for group in $(seq 20); do
		printf '    - name: group-%s\n      instances:\n' "$group"
		for vm in $(seq 50); do
			printf '      - {name: vm%s, address: 10.0.%s.%s}\n' "$vm" "$group" "$vm"
		done
	done
} >"$work/many.yaml"
for spec in examples/*/vmmesh.yaml examples/platform-and-team/*/vmmesh.yaml testdata/ok/*/vmmesh.yaml testdata/graph/hostile.yaml "$work/many.yaml"; do
	name=$(basename "${spec%/vmmesh.yaml}" .yaml)
	"$work/vmmesh" graph -q "$spec" >"$work/$name.mmd"
done
node "$work/mermaid.mjs" "$work"/*.mmd
