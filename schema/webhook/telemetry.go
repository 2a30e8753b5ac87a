package webhook

import (
	"strings"

	telemetry "istio.io/api/telemetry/v1alpha1"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// telemetryObject checks a Telemetry (istio: ValidateTelemetry).
func (c Check) telemetryObject(m *telemetry.Telemetry, at diag.Path) {
	c.attached(m.Selector, m.TargetRef, m.TargetRefs, at)
	for i, l := range m.AccessLogging {
		here := at.Key("accessLogging").Item(i, "")
		if l.GetFilter() != nil {
			c.Filter(l.Filter.Expression, here.Key("filter").Key("expression"))
		}
		c.providers(l.GetProviders(), here)
	}
	for i, t := range m.Tracing {
		here := at.Key("tracing").Item(i, "")
		c.providers(t.GetProviders(), here)
		if s := t.GetRandomSamplingPercentage(); s != nil && !(s.Value >= 0 && s.Value <= 100) {
			c.Say(Telemetry.At(here.Key("randomSamplingPercentage"), "%v is not a percentage", s.Value).WithHelp("write a number from 0 to 100"))
		}
		for _, name := range sortedKeys(t.GetCustomTags()) {
			c.tag(name, t.CustomTags[name], here.Key("customTags").Key(name))
		}
	}
	for i, l := range m.Metrics {
		here := at.Key("metrics").Item(i, "")
		c.providers(l.GetProviders(), here)
		for k, o := range l.GetOverrides() {
			c.override(o, here.Key("overrides").Item(k, ""))
		}
	}
}

// Filter checks the expression of a filter of access logs.
func (c Check) Filter(expression string, at diag.Path) {
	if strings.TrimSpace(expression) == "" {
		c.Say(Telemetry.At(at, "the filter has no expression").
			WithHelp("write one, such as \"response.code >= 400\", or remove the filter: without one everything is logged"))
		return
	}
	if fault, help := celFault(expression); fault != "" {
		c.Say(Telemetry.At(at, "%s", fault).WithHelp("%s", help))
	}
}

func (c Check) providers(list []*telemetry.ProviderRef, at diag.Path) {
	for i, p := range list {
		if p.GetName() == "" {
			c.Say(Telemetry.At(at.Key("providers").Item(i, ""), "the provider has no name").WithHelp("add the name of an extensionProvider of the mesh"))
		}
	}
}

func (c Check) tag(name string, t *telemetry.Tracing_CustomTag, at diag.Path) {
	if name == "" {
		c.Say(Telemetry.At(at, "the tag has no name").Key().WithHelp("write one, such as environment"))
	}
	switch v := t.GetType().(type) {
	case *telemetry.Tracing_CustomTag_Literal:
		if v.Literal.GetValue() == "" {
			c.Say(Telemetry.At(at.Key("literal"), "the tag %q has no value", name).WithHelp("add value: ..."))
		}
	case *telemetry.Tracing_CustomTag_Header:
		if v.Header.GetName() == "" {
			c.Say(Telemetry.At(at.Key("header"), "the tag %q does not name a header", name).WithHelp("add name: x-tenant"))
		}
	case *telemetry.Tracing_CustomTag_Environment:
		if v.Environment.GetName() == "" {
			c.Say(Telemetry.At(at.Key("environment"), "the tag %q does not name a variable", name).WithHelp("add name: POD_NAMESPACE"))
		}
	}
}

func (c Check) override(o *telemetry.MetricsOverrides, at diag.Path) {
	if m, custom := o.GetMatch().GetMetricMatch().(*telemetry.MetricSelector_CustomMetric); custom && m.CustomMetric == "" {
		c.Say(Telemetry.At(at.Key("match").Key("customMetric"), "customMetric is empty").WithHelp("write the name of the metric"))
	}
	for _, name := range sortedKeys(o.GetTagOverrides()) {
		t := o.TagOverrides[name]
		here := at.Key("tagOverrides").Key(name)
		switch {
		case t.GetOperation() == telemetry.MetricsOverrides_TagOverride_UPSERT && t.GetValue() == "":
			c.Say(Telemetry.At(here, "the tag %q needs a value", name).WithHelp("add `value:` with an expression, or write operation: REMOVE"))
		case t.GetOperation() == telemetry.MetricsOverrides_TagOverride_REMOVE && t.GetValue() != "":
			c.Say(Telemetry.At(here.Key("value"), "the tag %q is removed, and cannot have a value", name).Key().WithHelp("remove value, or write operation: UPSERT"))
		}
	}
}
