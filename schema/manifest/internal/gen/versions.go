package gen

import (
	"bufio"
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// oldest is the first minor that vmmesh knows; what it has, every Istio that matters has.
const oldest = 24

// surveyed is the version of istio.io/api that is used for each minor: the first one that the module proxy serves.
var surveyed = map[int]string{
	24: "v1.24.0", 25: "v1.25.0", 26: "v1.26.0", 27: "v1.27.0", 28: "v1.28.0", 29: "v1.29.0", 30: "v1.30.1", 31: "v1.31.1",
}

// surveyVersions fetches every minor's module and writes down what each minor was the first to have.
func surveyVersions() ([]byte, error) {
	outside, err := os.MkdirTemp("", "gen") // outside of the repository, so that its go.sum is left alone
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(outside)
	have := map[int]map[string]bool{}
	for _, minor := range slices.Sorted(maps.Keys(surveyed)) {
		m, err := goJSON(outside, "mod", "download", "-json", "istio.io/api@"+surveyed[minor])
		if err != nil {
			return nil, err
		}
		if have[minor], err = survey(m.Dir); err != nil {
			return nil, fmt.Errorf("istio.io/api@%s: %w", surveyed[minor], err)
		}
	}
	minors := slices.Sorted(maps.Keys(surveyed))
	newest := minors[len(minors)-1]
	var b bytes.Buffer
	b.WriteString("# Fields (message.jsonName) and enum words (enum.WORD) of Istio's API and the Istio that first had them, by its\n" +
		"# protobuf types and, for the kinds that have one, its CRD. What is not listed is as old as Istio 1.24.\n" +
		"# Written by schema/manifest/internal/gen from these versions of the module istio.io/api:\n#\n")
	for _, minor := range minors {
		fmt.Fprintf(&b, "#   1.%d: %s\n", minor, surveyed[minor])
	}
	b.WriteString("\n")
	for _, id := range slices.Sorted(maps.Keys(have[newest])) {
		first := newest
		for i := len(minors) - 1; i >= 0 && have[minors[i]][id]; i-- {
			first = minors[i]
		}
		if first > oldest {
			fmt.Fprintf(&b, "%s 1.%d\n", id, first)
		}
	}
	return b.Bytes(), nil
}

// survey lists the fields and words of a version of the module: all that its protobuf types have, less what the CRDs
// leave out of the types that they describe.
func survey(dir string) (map[string]bool, error) {
	have, err := protoNames(dir)
	if err != nil {
		return nil, err
	}
	crds, err := readCRDs(dir, false)
	if err != nil {
		return nil, err
	}
	stated, described := map[string]bool{}, map[string]bool{}
	v := visitor{
		message: func(_, _ string, m protoreflect.MessageDescriptor, _ *schema) { described[string(m.FullName())] = true },
		field: func(_ string, _ protoreflect.MessageDescriptor, fd protoreflect.FieldDescriptor, _ string, s *schema) {
			stated[fieldID(fd)] = true
			enum := fd.Enum()
			switch {
			case fd.IsMap():
				enum, s = fd.MapValue().Enum(), s.AdditionalProperties
			case fd.IsList():
				s = s.Items
			}
			if enum == nil || s == nil {
				return
			}
			described[string(enum.FullName())] = true
			for _, word := range s.Enum {
				stated[string(enum.FullName())+"."+word] = true
			}
		},
		lenient: true,
	}
	for _, c := range crds {
		m, err := c.messageOf()
		if err != nil {
			return nil, err
		}
		if err := v.walk(c.Spec.Names.Kind, "", m, c.best().spec()); err != nil {
			return nil, err
		}
	}
	for id := range have {
		owner := id[:strings.LastIndexByte(id, '.')]
		if described[owner] && !stated[id] {
			delete(have, id)
		}
	}
	return have, nil
}

// protoNames reads the descriptors that protoc's Go code carries.
func protoNames(dir string) (map[string]bool, error) {
	names := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".pb.go") {
			return err
		}
		raw, err := rawDescriptor(path)
		if err != nil || raw == nil {
			return err
		}
		var file descriptorpb.FileDescriptorProto
		if err := proto.Unmarshal(raw, &file); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		for _, m := range file.MessageType {
			nameMessage(names, file.GetPackage(), m)
		}
		for _, e := range file.EnumType {
			nameEnum(names, file.GetPackage(), e)
		}
		return nil
	})
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("no protobuf descriptors found")
	}
	return names, err
}

func nameMessage(names map[string]bool, scope string, m *descriptorpb.DescriptorProto) {
	full := scope + "." + m.GetName()
	for _, f := range m.Field {
		names[full+"."+f.GetJsonName()] = true
	}
	for _, inner := range m.NestedType {
		if !inner.GetOptions().GetMapEntry() {
			nameMessage(names, full, inner)
		}
	}
	for _, e := range m.EnumType {
		nameEnum(names, full, e)
	}
}

func nameEnum(names map[string]bool, scope string, e *descriptorpb.EnumDescriptorProto) {
	for _, v := range e.Value {
		names[scope+"."+e.GetName()+"."+v.GetName()] = true
	}
}

// rawDescriptor finds the variable or constant …_rawDesc of a generated file: a list of bytes in older code, a sum of
// strings in newer; nil where the file has none.
func rawDescriptor(path string) ([]byte, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, decl := range file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range gen.Specs {
			v, ok := spec.(*ast.ValueSpec)
			if !ok || len(v.Names) != 1 || len(v.Values) != 1 || !strings.HasSuffix(v.Names[0].Name, "_rawDesc") {
				continue
			}
			var b bytes.Buffer
			if err := evaluate(v.Values[0], &b); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			return b.Bytes(), nil
		}
	}
	return nil, nil
}

func evaluate(e ast.Expr, b *bytes.Buffer) error {
	switch e := e.(type) {
	case *ast.BinaryExpr:
		if err := evaluate(e.X, b); err != nil {
			return err
		}
		return evaluate(e.Y, b)
	case *ast.ParenExpr:
		return evaluate(e.X, b)
	case *ast.CallExpr: // string([]byte{…})
		return evaluate(e.Args[0], b)
	case *ast.CompositeLit:
		for _, element := range e.Elts {
			if err := evaluate(element, b); err != nil {
				return err
			}
		}
		return nil
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			s, err := strconv.Unquote(e.Value)
			b.WriteString(s)
			return err
		}
		n, err := strconv.ParseUint(e.Value, 0, 8)
		b.WriteByte(byte(n))
		return err
	}
	return fmt.Errorf("a descriptor in an unknown form: %T", e)
}

// versionsCode is the Go file with the table of first versions.
func versionsCode(data []byte) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(codeHeader)
	b.WriteString("// firstVersions are the minors of the Istio that first had a field or a word; what is absent is older than all.\n" +
		"// internal/gen/first_versions.txt says where this is known from.\nvar firstVersions = map[string]int{\n")
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, version, ok := strings.Cut(line, " 1.")
		minor, err := strconv.Atoi(version)
		if !ok || err != nil {
			return nil, fmt.Errorf("%s: not a name and a version: %s", dataFile, line)
		}
		fmt.Fprintf(&b, "%q: %d,\n", id, minor)
	}
	b.WriteString("}\n")
	return goFile(&b)
}
