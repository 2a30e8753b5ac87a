package graph

import (
	"strings"

	"github.com/vmmesh/vmmesh/schema/mesh"
)

// HTML is a page with the picture and the reachability table. It runs and loads nothing.
func HTML(m *mesh.Mesh) string {
	var out strings.Builder
	out.WriteString(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The mesh</title>
<style>
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;margin:1.5rem}
.picture{overflow:auto}
table{border-collapse:collapse}
td,th{border:1px solid #818b98;padding:.3rem .6rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}
</style>
</head>
<body>
<h1>The mesh</h1>
<div class="picture">
`)
	out.WriteString(drawn(m).svg())
	out.WriteString("</div>\n<h2>Who reaches whom</h2>\n<table>\n<thead><tr>")
	for _, name := range columns {
		out.WriteString(`<th scope="col">` + name + "</th>")
	}
	out.WriteString("</tr></thead>\n<tbody>\n")
	for _, w := range rows(m) {
		out.WriteString("<tr>")
		for _, cell := range cells(w) {
			out.WriteString("<td>" + escaped(cell) + "</td>")
		}
		out.WriteString("</tr>\n")
	}
	out.WriteString("</tbody>\n</table>\n</body>\n</html>\n")
	return out.String()
}
