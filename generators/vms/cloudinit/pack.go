package cloudinit

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"path"

	"github.com/vmmesh/vmmesh/schema/manifest"
)

// How files are made small. A gzip file may have several members, one behind the other, and reads as what they hold
// together (RFC 1952, 2.2): a group's own files are one member, and the static files, which are most of it, another that
// is made once. No time, name or system stands in either, so the same files give the same bytes.

const packedHead = `#cloud-config
# Made from a vmmesh.yaml. The files are those beside this one, in an archive and without comments: their text would be
# too long for the cloud's user-data. It holds no secret and nothing of a single VM. Beside another cloud-config, be its later part.
`

// archive is where the files lie packed, below the folder that holds Dir.
const archive = Dir + ".tar"

// packed is a text with one archive, or nil where it is plain that there is no room for one. cloud-init undoes base64 and
// gzip, so that the VM needs no gzip for it.
func (w *Writer) packed(own []manifest.File, limit Limit) []byte {
	if w.gzTar == nil {
		w.gzTar = w.zip.gzip(tape(lean(w.static), true))
	}
	if limit.Binary && base64.StdEncoding.EncodedLen(len(w.gzTar)) > limit.Bytes {
		return nil // too long without the group's own files already, and the next form is shorter
	}
	packed := w.archived(append(w.zip.gzip(tape(own, false)), w.gzTar...))
	if isTight(len(packed), limit.Bytes) {
		packed = w.archived(w.zip.gzip(append(tape(own, false), tape(lean(w.static), true)...)))
	}
	return packed
}

func (w *Writer) archived(content []byte) []byte {
	w.enc.Reset()
	w.enc.Text(packedHead)
	w.enc.Value(&config{
		MergeHow:   appendLists,
		WriteFiles: []entry{{Path: archive, Permissions: "0644", Encoding: "gz+b64", Content: content}},
	})
	w.enc.Value(&commands{RunCmd: [][]string{
		{"tar", "--extract", "--no-same-owner", "--file=" + archive, "--directory=" + path.Dir(Dir)},
		install,
	}})
	return bytes.Clone(w.enc.Bytes())
}

// gzipped is a readable text.
func (w *Writer) gzipped(own []manifest.File, limit int) []byte {
	if w.gzText == nil {
		w.gzText = w.zip.gzip(w.tail(lean(w.static)))
	}
	zipped := append(w.zip.gzip(w.head(own)), w.gzText...)
	if isTight(len(zipped), limit) {
		head := bytes.Clone(w.head(own))
		zipped = w.zip.gzip(append(head, w.tail(lean(w.static))...))
	}
	return zipped
}

// isTight tells whether it is worth the time to compress everything as one member, which saves some hundred bytes.
func isTight(size, limit int) bool { return size*10 > limit*9 }

// tape is files one behind the other as tar writes them, below the last part of Dir; end says that no more follow.
func tape(files []manifest.File, end bool) []byte {
	var out bytes.Buffer
	t := tar.NewWriter(&out)
	for _, f := range files { // writing to memory cannot fail, and every name is short
		_ = t.WriteHeader(&tar.Header{
			Name: path.Join(path.Base(Dir), f.Path), Typeflag: tar.TypeReg, Mode: int64(f.Mode), Size: int64(len(f.Data)), Format: tar.FormatUSTAR,
		})
		_, _ = t.Write(f.Data)
	}
	if end {
		_ = t.Close()
	} else {
		_ = t.Flush()
	}
	return out.Bytes()
}

// zipper keeps the memory of one compressor, which is much larger than what it compresses here.
type zipper struct{ w *gzip.Writer }

func (z *zipper) gzip(data []byte) []byte {
	var out bytes.Buffer
	if z.w == nil {
		z.w, _ = gzip.NewWriterLevel(&out, gzip.BestCompression) // fails for unknown levels only
	} else {
		z.w.Reset(&out)
	}
	_, _ = z.w.Write(data)
	_ = z.w.Close()
	return out.Bytes()
}
