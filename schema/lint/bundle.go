package lint

import (
	"fmt"
	"strings"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// Sizes is how large the outputs are for which someone has a limit.
type Sizes struct {
	UserData   []UserData
	ConfigMaps []ConfigMap
}

// UserData is the size of what a group's VMs boot from, or an instance with settings of its own.
type UserData struct {
	At        diag.Path
	Cloud     string
	Form      string   // readable, packed or gzipped
	Smallest  bool     // whether the cloud takes no form that is smaller
	Spared    []string // files that are left out of it
	Bytes     int
	Limit     int
	Largest   string // which of the files that are this group's alone is the largest
	LargestIs int    // its bytes as they are, neither packed nor gzipped
	Listed    int    // the instances in its table
}

// ConfigMap is the size of a ConfigMap: the sum of its values, as the API server counts.
type ConfigMap struct {
	At    diag.Path
	Name  string
	Bytes int
}

// BundleRule is a rule about the finished outputs, which can be looked at once a mesh does not have errors.
type BundleRule struct {
	diag.Rule
	Find func(Sizes, Report)
}

// BundleTable is every rule about the finished outputs, by id.
var BundleTable = []BundleRule{
	{userDataSize, findLargeUserData},
	{userDataFull, findFullUserData},
	{configMapSize, findLargeConfigMaps},
	{userDataSpared, findSparedUserData},
}

// Bundle runs every rule that speaks about the finished outputs.
func Bundle(s Sizes) diag.List {
	var found diag.List
	for _, rule := range BundleTable {
		rule.Find(s, func(d diag.Diagnostic) { found = append(found, d) })
	}
	return found
}

var userDataSize = diag.Rule{
	ID: "VM901", Name: "user-data-size", Severity: diag.Error,
	Doc: "User-data is not larger than the cloud takes.",
	Long: "A cloud's API refuses user-data above its limit, so that no VM is made at all: 16384 bytes on AWS, 262144 on GCP, 65535 on Azure, " +
		"49149 on OpenStack (65535 in base64) and 49152 on vSphere (64 KiB in base64). vmmesh writes readable text while it fits, then one packed archive, " +
		"then gzips the whole where the cloud takes bytes, then leaves diagnose.sh out (VM905). What is still too large has to be made smaller, or has to be on the VM before it boots: " +
		"put the group's folder into the image and run its `install.sh` from user-data of your own, and then ignore this rule.",
	Bad:  "vm: {cloud: {type: AWS}}\ngroups:\n- name: pay\n  instances: [...] # a thousand of them",
	Good: "vm: {cloud: {type: AWS}}\ngroups:\n- name: pay\n  registration: Auto",
}

func findLargeUserData(s Sizes, report Report) {
	for _, u := range s.UserData {
		if u.Bytes <= u.Limit {
			continue
		}
		report(userDataSize.At(u.At, "user-data is %d bytes even when %s, and %s takes %d; of its own files %s is the largest, with %d bytes",
			u.Bytes, u.Form, u.Cloud, u.Limit, u.Largest, u.LargestIs).WithHelp("%s", u.howToShrink()))
	}
}

var userDataFull = diag.Rule{
	ID: "VM902", Name: "user-data-nearly-full", Severity: diag.Warning,
	Doc: "User-data leaves a twentieth of what the cloud takes.",
	Long: "It has been made as small as it can be and fills more than 95 % of the limit (VM901). A few instances more, another root certificate during a rotation " +
		"or the next version of vmmesh may not fit, and the build then stops at an inconvenient time.",
	Bad:  "vm: {cloud: {type: AWS}}\ngroups:\n- name: pay\n  instances: [...] # several hundred",
	Good: "vm: {cloud: {type: AWS}}\ngroups:\n- name: pay\n  registration: Auto",
}

func findFullUserData(s Sizes, report Report) {
	for _, u := range s.UserData {
		if u.Smallest && u.Bytes <= u.Limit && u.Bytes*20 > u.Limit*19 {
			report(userDataFull.At(u.At, "user-data is %d bytes when %s, of the %d that %s takes; of its own files %s is the largest, with %d bytes",
				u.Bytes, u.Form, u.Limit, u.Cloud, u.Largest, u.LargestIs).WithHelp("%s", u.howToShrink()))
		}
	}
}

var userDataSpared = diag.Rule{
	ID: "VM905", Name: "user-data-spared", Severity: diag.Info,
	Doc: "User-data has room for every file of its group.",
	Long: "In its smallest form it would still be larger than the cloud takes, so diagnose.sh is left out, and then rotation.sh. Nothing that makes a VM a member is missing. When one " +
		"is needed, copy it from vms/<namespace>/<group>/ to /usr/local/lib/vmmesh/ there.",
	Bad:  "vm: {cloud: {type: AWS}, firewall: {backend: Nftables}}\nistio: {rootCert: ...} # one or two certificates",
	Good: "vm: {cloud: {type: Azure}, firewall: {backend: Nftables}}\nistio: {rootCert: ...}",
}

func findSparedUserData(s Sizes, report Report) {
	for _, u := range s.UserData {
		if len(u.Spared) > 0 && u.Bytes <= u.Limit {
			report(userDataSpared.At(u.At, "user-data does not have room for %s in the %d bytes that %s takes, and goes without", strings.Join(u.Spared, " and "), u.Limit, u.Cloud).
				WithHelp("copy it to a VM when it is needed: /usr/local/lib/vmmesh/%s", u.Spared[len(u.Spared)-1]))
		}
	}
}

// howToShrink returns how to need less.
func (u *UserData) howToShrink() string {
	switch u.Largest {
	case "instances":
		return fmt.Sprintf("split the group, whose %d instances each take a line of that table, or give it registration: Auto and no instances", u.Listed)
	case "root-cert.pem":
		return "leave only the certificates in istio.rootCert that VMs meet, or leave it out: then it comes with the token"
	case "cluster.env":
		return "shorten vm.env and the group's labels, or put the group's folder of the output into the image and ignore this rule"
	}
	return "put the group's folder of the output into the image and ignore this rule"
}

var configMapSize = diag.Rule{
	ID: "VM903", Name: "config-map-size", Severity: diag.Error,
	Doc: "A ConfigMap of VM files holds no more than 1 MiB.",
	Long: "The API server refuses a ConfigMap whose values are larger together than 1048576 bytes (kubernetes: pkg/apis/core/validation, ValidateConfigMap). " +
		"Below that, above 262144 bytes, it can only be applied on the server's side: the annotation that `kubectl apply` writes otherwise does not have room for it.",
	Bad:  "gitops: {vmFiles: ConfigMap}\ngroups:\n- name: pay\n  instances: [...] # ten thousand of them",
	Good: "gitops: {vmFiles: Files}",
}

// maxConfigMap is core.MaxSecretSize of Kubernetes, which holds for ConfigMaps too.
const maxConfigMap = 1 << 20

func findLargeConfigMaps(s Sizes, report Report) {
	for _, c := range s.ConfigMaps {
		if c.Bytes > maxConfigMap {
			report(configMapSize.At(c.At, "ConfigMap %s holds %d bytes, and Kubernetes takes %d", c.Name, c.Bytes, maxConfigMap).
				WithHelp("split the group, or write gitops.vmFiles: Files and take them from `vmmesh build -o`"))
		}
	}
}
