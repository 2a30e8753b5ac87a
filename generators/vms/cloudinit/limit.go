package cloudinit

// Limit is how much user-data a cloud takes.
type Limit struct {
	Bytes  int  // of the file as it is written, before any base64 that the cloud's API wants around it
	Binary bool // whether the cloud hands over bytes that are no text, so that the whole may be gzipped
}

// LimitOf is the limit of a cloud by the name that vm.cloud.type has for it. There is none for NoCloud, whose seed is a
// file system, nor for None, where nothing is known.
func LimitOf(cloud string) (Limit, bool) {
	l, known := limits[cloud]
	return l, known
}

var limits = map[string]Limit{
	// "User data is limited to 16 KB, in raw form, before it is base64-encoded" (EC2 user guide, instancedata-add-user-data);
	// the API takes base64 and IMDS answers application/octet-stream.
	"AWS": {16_384, true},
	// A metadata value is a string of at most 262144 bytes (Compute Engine API v1, Metadata.items[].value). Bytes that are no
	// text would need a second key beside it, user-data-encoding (cloud-init: sources/DataSourceGCE.py), so they are not used.
	"GCP": {262_144, false},
	// osProfile.customData: base64 of an array of at most 65535 bytes (Azure Compute API, OSProfile).
	"Azure": {65_535, true},
	// user_data: base64 of at most 65535 characters (nova: api/openstack/compute/schemas/user_data.py), which is 16383
	// whole groups of three bytes.
	"OpenStack": {16_383 * 3, true},
	// A guestinfo value passes through messages of at most 64 KiB (open-vm-tools: lib/include/guest_msg_def.h,
	// vmware-tanzu/vm-operator#148) and is given in base64; guestinfo.userdata.encoding is then base64, or gzip+base64.
	"VSphere": {65_536 / 4 * 3, true},
}
