package vms

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"sync"

	"github.com/vmmesh/vmmesh/generators/vms/scripts"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// Hashes returns the function that hashes what a VM is set up with: the files of its group, or its own where it has
// settings of its own, and the scripts. It is VMMESH_FILES_HASH in the VM's vm.env, so a VM whose hash is not this one
// has older files. instance is nil for a VM that is not listed. The address of a VM is not part of the hash unless the
// VM has settings of its own, and neither are the other VMs of its group: one VM more changes no other VM's files.
func Hashes() func(g *mesh.Group, instance *mesh.Instance) string {
	var last *mesh.Group // whose hash is next asked for again, for each of its instances
	var shared string
	return func(g *mesh.Group, i *mesh.Instance) string {
		if i != nil && i.OwnSettings() {
			return hashOf(anyOf(g).as(i), i)
		}
		if g != last {
			last, shared = g, hashOf(anyOf(g), nil)
		}
		return shared
	}
}

func hashOf(m machine, i *mesh.Instance) string {
	_, files := config(m, i)
	const name = "VMMESH_FILES_HASH='"
	for _, f := range files {
		if f.Path == vmEnvFile {
			line := f.Data[bytes.LastIndex(f.Data, []byte(name))+len(name):]
			return string(bytes.TrimRight(line, "'\n"))
		}
	}
	return ""
}

// hash is the hash of a VM's settings and of the scripts: 16 hexadecimal digits, enough to tell sets of files apart and
// short enough for a metric's label.
func hash(settings []manifest.File) string {
	h := sha256.New()
	h.Write(sum(settings))
	h.Write(staticSum())
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// staticSum is the sum of the scripts and units, which are part of the program.
var staticSum = sync.OnceValue(func() []byte { return sum(scripts.Files()) })

// sum is the sum of files: of their names, modes and bytes.
func sum(files []manifest.File) []byte {
	h := sha256.New()
	var number [8]byte
	write := func(data []byte) {
		binary.BigEndian.PutUint64(number[:], uint64(len(data)))
		h.Write(number[:])
		h.Write(data)
	}
	for _, f := range files {
		write([]byte(f.Path))
		binary.BigEndian.PutUint64(number[:], uint64(f.Mode))
		h.Write(number[:])
		write(f.Data)
	}
	return h.Sum(nil)
}
