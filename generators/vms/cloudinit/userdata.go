// Package cloudinit writes the user-data from which a VM boots into the mesh: a cloud-config that stages the files of
// its group in one folder and runs the script that installs them. Nothing in it belongs to one VM, to a user that does
// not exist yet, or to a second boot: the script and the units that it installs see to all of that.
//
// It uses write_files, runcmd and merge_how alone, in the forms that the schema of cloud-init 22.4 takes. No template is
// asked for, so braces and percent signs in a file are text.
package cloudinit

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"github.com/vmmesh/vmmesh/schema/manifest"
)

// Dir is the folder on the VM in which the files are staged. It holds no secret, and root owns all of it.
const Dir = "/var/lib/vmmesh/bundle"

// Form is how user-data carries the files. Each is smaller than the one before it.
type Form uint8

// The forms of user-data.
const (
	Readable Form = iota // a text in which every file can be read
	Packed               // a text with one archive of all files, in base64; static files have no comments in it
	Gzipped              // text without those comments, gzipped as a whole: cloud-init knows it by its first bytes
)

func (f Form) String() string { return [...]string{"readable", "packed", "gzipped"}[f] }

// UserData is what one VM, or every VM of a group, boots from.
type UserData struct {
	Data  []byte
	Form  Form
	Limit int      // of the cloud, in bytes; 0: there is none
	Last  bool     // whether the cloud takes no form that is smaller
	Spare []string // those of [Spared] that are left out
}

// Spared are the files that are left out where no form has room for all, one more at a time: a VM becomes a member without
// them, and they can be copied there when they are needed.
var Spared = []string{"diagnose.sh", "rotation.sh"}

// Writer makes user-data for any number of groups that share their static files: what follows from those alone is made
// once. It is not safe for concurrent use.
type Writer struct {
	enc    manifest.Encoder
	text   []byte // the rest of a readable text behind a group's own files
	static []manifest.File
	zip    zipper
	gzText []byte    // text, gzipped
	gzTar  []byte    // the end of an archive, gzipped
	spare  []*Writer // the same without the first of Spared, without the first two, …; made when they are needed
}

// NewWriter makes a Writer for these static files, whose paths are bare names. One of them is install.sh.
func NewWriter(static []manifest.File) *Writer {
	w := &Writer{static: static}
	w.text = w.tail(static)
	return w
}

// tail is the end of a readable text, from these files on.
func (w *Writer) tail(static []manifest.File) []byte {
	w.enc.Reset()
	w.enc.Value(entries(static))
	w.enc.Value(&commands{RunCmd: [][]string{install}})
	return bytes.Clone(w.enc.Bytes())
}

// UserData makes the user-data of a group with these files of its own, whose paths are bare names; there is at least
// one, for a group always has its vm.env. The form is the first that the cloud has room for; where it has room for none,
// the last form leaves files of Spared out. Should that be longer than the limit too, it comes out all the same.
func (w *Writer) UserData(cloud string, own []manifest.File) UserData {
	all := w.whole(cloud, own)
	if !all.Last || len(all.Data) <= all.Limit {
		all.Last = false
		return all
	}
	for n := range Spared {
		if n == len(w.spare) {
			w.spare = append(w.spare, NewWriter(slices.DeleteFunc(slices.Clone(w.static), func(f manifest.File) bool {
				return slices.Contains(Spared[:n+1], f.Path)
			})))
		}
		all = w.spare[n].whole(cloud, own)
		all.Spare = Spared[:n+1]
		if len(all.Data) <= all.Limit {
			break
		}
	}
	return all
}

// whole is the first form that has room for all files, or the last.
func (w *Writer) whole(cloud string, own []manifest.File) UserData {
	limit, limited := LimitOf(cloud)
	head := w.head(own)
	if !limited || len(head)+len(w.text) <= limit.Bytes {
		return UserData{Data: append(bytes.Clone(head), w.text...), Form: Readable, Limit: limit.Bytes}
	}
	if packed := w.packed(own, limit); packed != nil && (!limit.Binary || len(packed) <= limit.Bytes) {
		return UserData{Data: packed, Form: Packed, Limit: limit.Bytes, Last: !limit.Binary}
	}
	return UserData{Data: w.gzipped(own, limit.Bytes), Form: Gzipped, Limit: limit.Bytes, Last: true}
}

// The words of a cloud-config, in the order in which they are printed.
type (
	config struct {
		MergeHow   []merger `json:"merge_how"`
		WriteFiles []entry  `json:"write_files"`
	}
	merger struct {
		Name     string   `json:"name"`
		Settings []string `json:"settings"`
	}
	entry struct {
		Path        string `json:"path"`
		Permissions string `json:"permissions"` // octal digits as a string: a number would be taken for a decimal one
		Encoding    string `json:"encoding,omitempty"`
		Content     any    `json:"content"` // a string, or bytes, which print in base64
	}
	commands struct {
		RunCmd [][]string `json:"runcmd"`
	}
)

// install is the command that does the work. It may run again and changes nothing then.
var install = []string{"bash", Dir + "/install.sh", "--boot"}

// appendLists lets the lists of an operator's own cloud-config stand beside ours when both are parts of one user-data
// and this is the later one; cloud-init's default is that the later list replaces the earlier.
var appendLists = []merger{
	{"list", []string{"append"}},
	{"dict", []string{"no_replace", "recurse_list"}},
}

const readableHead = `#cloud-config
# Made from a vmmesh.yaml. It holds no secret and nothing of a single VM. Beside another cloud-config, be its later part.
`

// head is a readable text up to the static files. It is valid until the Writer's next step.
func (w *Writer) head(own []manifest.File) []byte {
	w.enc.Reset()
	w.enc.Text(readableHead)
	w.enc.Value(&config{MergeHow: appendLists, WriteFiles: entries(own)})
	return w.enc.Bytes()
}

func entries(files []manifest.File) []entry {
	out := make([]entry, len(files))
	for i, f := range files {
		out[i] = entry{Path: Dir + "/" + f.Path, Permissions: permissions(f.Mode), Content: string(f.Data)}
		if !isPlain(f.Data) {
			out[i].Encoding, out[i].Content = "b64", f.Data
		}
	}
	return out
}

func permissions(mode uint32) string {
	return string([]byte{'0', '0' + byte(mode>>6&7), '0' + byte(mode>>3&7), '0' + byte(mode&7)})
}

// isPlain tells whether a file may stand in the text as it is. What is no UTF-8 cannot; and cloud-init takes the whole
// for a mail when it finds that header near its beginning, wherever that is (cloud-init: user_data.py, convert_string).
func isPlain(data []byte) bool {
	return utf8.Valid(data) && !bytes.Contains(bytes.ToLower(data), []byte("mime-version:"))
}
