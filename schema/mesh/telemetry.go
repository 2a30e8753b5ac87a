package mesh

import (
	"strings"

	telemetry "istio.io/api/telemetry/v1"

	"github.com/vmmesh/vmmesh/schema"
)

// telemetry checks what istiod's webhook demands of a Telemetry beyond its CRD (istio: pkg/config/validation,
// ValidateTelemetry), and what it takes and does not use. Whether a provider is defined is a rule of its own.
func (r *resolver) telemetry(in *schema.Observability) {
	for i, l := range in.AccessLogging {
		if l.GetFilter() == nil {
			continue
		}
		at := in.At.Key("accessLogging").Item(i, "").Key("filter")
		switch e := strings.TrimSpace(l.Filter.Expression); {
		case e == "":
			r.say(ruleTelemetry.At(at, "the filter has no expression").WithHelp("add one, such as `expression: \"response.code >= 400\"`, or drop the filter: without one everything is logged"))
		case e == "true":
			r.say(ruleTelemetry.At(at.Key("expression"), "the filter lets everything pass").WithHelp("drop it, or say what is to be logged, such as \"response.code >= 400\""))
		case e == "false":
			r.say(ruleTelemetry.At(at.Key("expression"), "the filter lets nothing pass").WithHelp("write `disabled: true` in its place, or say what is to be logged, such as \"response.code >= 400\""))
		default:
			r.hook().Filter(e, at.Key("expression"))
		}
	}
	for i, t := range in.Tracing {
		at := in.At.Key("tracing").Item(i, "")
		if n := len(t.GetProviders()); n > 1 {
			r.say(ruleTelemetry.At(at.Key("providers"), "traces go to one provider, and %d are named", n).WithHelp("keep one: Istio uses the first and ignores the others"))
		}
		for _, name := range sortedKeys(t.GetCustomTags()) {
			here := at.Key("customTags").Key(name)
			switch tag := t.CustomTags[name]; {
			case name == "":
				r.say(ruleTelemetry.At(here, "the tag has no name").Key().WithHelp("write one, such as environment"))
			case tag.GetType() == nil:
				r.say(ruleTelemetry.At(here, "the tag %q has no value", name).Key().
					WithHelp("add `literal: {value: …}`, `environment: {name: …}` or `header: {name: …}`"))
			default:
				if h, ok := tag.Type.(*telemetry.Tracing_CustomTag_Header); ok && !headerName(strings.TrimPrefix(h.Header.GetName(), ":")) {
					r.say(ruleTelemetry.At(here.Key("header").Key("name"), "%q is no header name", h.Header.GetName()).WithHelp("letters, digits and '-'"))
				}
			}
		}
	}
}
