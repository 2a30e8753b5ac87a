// Command floor is the least that any generator must do: it reads a fleet and appends the text of its objects. It
// knows where the benchmark's own fleets have their values, reads nothing else, checks nothing and quotes nothing.
// What vmmesh takes beyond it is the price of reading any spec, of every check, and of typed values.
//
// Usage: floor FLEET, with the objects on standard output, in the kinds' order of vmmesh.
package main

import (
	"bytes"
	"fmt"
	"os"
)

// workload is what differs from one workload of a fleet to the next; the values are slices of the file.
type workload struct {
	name, team, period             []byte
	groups                         []group
	connections, timeout, attempts []byte
	ports, weights                 [][]byte // http and grpc, stable and canary
	callers, methods               [][]byte
	path                           []byte
}

// group is a WorkloadGroup and its VMs.
type group struct {
	name, version []byte
	region, zone  []byte // of its locality, region/zone
	vms           []vm
}

type vm struct{ name, address []byte }

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: floor FLEET")
		os.Exit(2)
	}
	fleet, err := os.ReadFile(os.Args[1])
	if err == nil {
		err = write(os.Stdout, read(fleet))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
}

// read finds the values by the first word of their lines, and by the block they are in where that is not enough.
func read(fleet []byte) []workload {
	var all []workload
	var w *workload
	var g *group
	block := ""
	for len(fleet) > 0 {
		var line []byte
		line, fleet, _ = bytes.Cut(fleet, newline)
		text := bytes.TrimLeft(line, " ")
		key, value, _ := bytes.Cut(text, colon)
		switch string(key) {
		case "- {name": // vm1, address: 10.0.0.1} or http, port: 8080}
			name, number, _ := bytes.Cut(value[:len(value)-1], comma)
			switch block {
			case "groups":
				g.vms = append(g.vms, vm{name, number[len("address: "):]})
			case "ports":
				w.ports = append(w.ports, number[len("port: "):])
			}
		case "- name":
			if block == "groups" {
				w.groups = append(w.groups, group{name: value})
				g = &w.groups[len(w.groups)-1]
			} else if block == "workloads" {
				all = append(all, workload{name: value})
				w = &all[len(all)-1]
			}
		case "workloads:":
			block = "workloads"
		case "ports:":
			block = "ports"
		case "groups:":
			block = "groups"
		case "services:":
			block = "services"
		case "to:": // the last block of a workload
			block = "workloads"
		case "labels":
			w.team = value[len("{team: ") : len(value)-1]
		case "periodSeconds":
			w.period = value
		case "version":
			if block == "groups" {
				g.version = value
			}
		case "locality":
			g.region, g.zone, _ = bytes.Cut(value, slash)
		case "tcp":
			w.connections = value[len("{maxConnections: ") : len(value)-1]
		case "weight":
			w.weights = append(w.weights, value)
		case "timeout":
			w.timeout = value
		case "attempts":
			w.attempts = value
		case "- serviceAccounts":
			w.callers = bytes.Split(value[1:len(value)-1], comma)
		case "- methods":
			w.methods = bytes.Split(value[1:len(value)-1], comma)
		case "paths":
			w.path = value[2 : len(value)-2]
		}
	}
	return all
}

var (
	newline = []byte("\n")
	colon   = []byte(": ")
	comma   = []byte(", ")
	slash   = []byte("/")
)
