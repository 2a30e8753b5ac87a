package manifest

import (
	"strconv"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// ServiceView is what a mesh is concerned with of a Kubernetes Service.
type ServiceView struct {
	*Resource
	Selector map[string]string
	Headless bool // clusterIP: None
	External bool // type: ExternalName
	Type     string
	Ports    []PortView
}

// PortView is a port of a ServiceView.
type PortView struct {
	Name        string
	Number      uint32 // that clients dial
	Target      uint32 // that workloads listen on; 0 where TargetName says it
	TargetName  string
	Protocol    string // TCP, UDP, SCTP; "" is TCP
	AppProtocol string
	At          diag.Path
}

func readService(r *Resource) *ServiceView {
	spec := r.Root.Get("spec")
	s := &ServiceView{
		Resource: r, Selector: texts(spec.Get("selector")),
		Headless: spec.Get("clusterIP").Text() == "None", External: spec.Get("type").Text() == "ExternalName", Type: spec.Get("type").Text(),
	}
	ports := spec.Get("ports")
	if ports == nil || ports.Kind != syntax.Seq {
		return s
	}
	for i := range ports.Items {
		n := &ports.Items[i]
		p := PortView{
			Name: n.Get("name").Text(), Number: number(n.Get("port")), At: r.Place("spec", "ports").Item(i, nameOf(n)),
			Protocol: n.Get("protocol").Text(), AppProtocol: n.Get("appProtocol").Text(),
		}
		target := n.Get("targetPort")
		switch {
		case target.Text() == "" || target.Text() == "0":
			p.Target = p.Number
		case number(target) > 0:
			p.Target = number(target)
		default:
			p.TargetName = target.Value
		}
		s.Ports = append(s.Ports, p)
	}
	return s
}

// number is a port number, quoted or not; 0 for anything else.
func number(n *syntax.Node) uint32 {
	v, err := strconv.ParseUint(n.Text(), 10, 16)
	if err != nil {
		return 0
	}
	return uint32(v)
}
