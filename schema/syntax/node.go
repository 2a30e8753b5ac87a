// Package syntax reads YAML text into a compact tree that remembers where everything stood. It is the only room
// that sees a YAML library's nodes; it knows nothing of what a document means.
package syntax

// Kind is what a Node is. A plain scalar is what the core schema of YAML 1.2 says, but text where readers disagree
// about the number: yes, on, 2024-01-01 are strings, and so are 0755, 1_000 and 0b11.
type Kind uint8

// The kinds of a Node.
const (
	Null Kind = iota
	Bool
	Int
	Float
	String
	Map
	Seq
)

// String is the word for the kind that messages use.
func (k Kind) String() string {
	return [...]string{"null", "boolean", "integer", "number", "string", "map", "list"}[k]
}

// Node is a value in a document. Aliases are expanded and merge keys (<<) applied before anyone sees a Node.
type Node struct {
	Kind      Kind
	Quoted    bool   // a String that was quoted or a block scalar: it is text on purpose
	KeyQuoted bool   // of a Field's Value: the key was quoted, or has the tag !!str
	Value     string // the text of a scalar; a Bool is "true" or "false"; Int (-1, 0x1F, 0o17, of any size) and Float are as they were written
	Line, Col int32  // from 1, columns in bytes; where the value begins
	Fields    []Field
	Items     []Node
}

// Field is an entry of a Map. Keys are unique within a Map, in document order.
type Field struct {
	Key       string
	Line, Col int32 // where the key begins
	Value     Node
}

// Text returns a scalar as it was written; "" for null, a map, a list, and a nil Node: what is not set has no text.
func (n *Node) Text() string {
	if n == nil || n.Kind == Map || n.Kind == Seq || n.Kind == Null {
		return ""
	}
	return n.Value
}

// Get finds a field's value; nil where a Map has no such key, and for any other kind.
func (n *Node) Get(key string) *Node {
	if n == nil || n.Kind != Map {
		return nil
	}
	for i := range n.Fields {
		if n.Fields[i].Key == key {
			return &n.Fields[i].Value
		}
	}
	return nil
}
