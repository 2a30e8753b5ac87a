package importer

import (
	"regexp"
	"slices"

	"github.com/vmmesh/vmmesh/schema/manifest"
)

// source remembers which object a part of a workload came from.
func (w *workload) source(part string, r *manifest.Resource) {
	if w.sources == nil {
		w.sources = map[string][]*manifest.Resource{}
	}
	w.sources[part] = append(w.sources[part], r)
}

var (
	ofExternal = regexp.MustCompile(`^spec\.externalServices\[(.+?)\](\.trafficPolicy)?`)
	ofService  = regexp.MustCompile(`^spec\.workloads\[(.+?)\]\.services\[(.+?)\](?:\.traffic\.(\w+))?`)
	ofWorkload = regexp.MustCompile(`^spec\.workloads\[(.+?)\]\.(?:security\.)?(sidecar|allow|deny|jwt|mtls)\b`)
)

// Origins lists the objects from which a field of a spec came, where the spec would be whole without them: policies,
// routes, services, what is outside the mesh. spec counts from 0, path is as findings write it.
func (r *Result) Origins(spec int, path string) []*manifest.Resource {
	if spec >= len(r.parts) {
		return nil
	}
	p := r.parts[spec]
	workload := func(name string) *workload {
		n := slices.IndexFunc(p.workloads, func(w *workload) bool { return w.name == name })
		if n < 0 {
			return nil
		}
		return p.workloads[n]
	}
	one := func(r *manifest.Resource) []*manifest.Resource {
		if r == nil {
			return nil
		}
		return []*manifest.Resource{r}
	}
	if m := ofExternal.FindStringSubmatch(path); m != nil {
		for _, e := range p.externals {
			if e.from.Name == m[1] && m[2] != "" {
				return one(e.rule)
			}
			if e.from.Name == m[1] {
				return one(e.from)
			}
		}
	}
	if m := ofService.FindStringSubmatch(path); m != nil && workload(m[1]) != nil {
		for _, s := range workload(m[1]).services {
			if s.name != m[2] {
				continue
			}
			switch m[3] {
			case "trafficPolicy", "subsets":
				return one(s.traffic.rule)
			case "http", "tcp", "tls":
				return one(s.traffic.routes)
			}
			return one(s.from)
		}
	}
	if m := ofWorkload.FindStringSubmatch(path); m != nil && workload(m[1]) != nil {
		return workload(m[1]).sources[m[2]]
	}
	return nil
}
