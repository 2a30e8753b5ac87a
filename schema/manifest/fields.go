package manifest

// Fields is a map with an order of its keys: [Encoder] prints it as it is.
type Fields []Field
