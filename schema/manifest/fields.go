package manifest

// Fields is a map whose keys stand in an order of its own: [Encoder] prints it as it is.
type Fields []Field
