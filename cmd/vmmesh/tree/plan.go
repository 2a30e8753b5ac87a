package tree

import (
	"os"
	"slices"
	"strings"
)

// plan is what a commit has to do.
type plan struct {
	actions []action
	summary Summary
}

// planner compares what is wanted with what is there.
type planner struct {
	w       *Writer
	survey  *survey // made anew: time has passed since the files came
	trouble trouble

	leaving        map[string]bool // files that will be removed
	removals, puts []action
	mkdirs, rmdirs map[string]bool
	plan           plan
}

// plan finds the actions, in their order, or all that is in the way. The outputs are sorted.
func (w *Writer) plan() (*plan, error) {
	p := &planner{w: w, survey: newSurvey(w.d), leaving: map[string]bool{}, mkdirs: map[string]bool{}, rmdirs: map[string]bool{}}
	for _, old := range w.old.Files {
		if err := p.stale(old); err != nil {
			return nil, err
		}
	}
	for i := range w.outputs {
		if err := p.output(&w.outputs[i]); err != nil {
			return nil, err
		}
	}
	if err := p.trouble.err(w.d.dir, w.o.Force); err != nil {
		return nil, err
	}
	actions := p.removals
	for _, dir := range sorted(p.rmdirs, -1) {
		actions = append(actions, action{Do: doRmdir, Path: dir})
	}
	for _, dir := range sorted(p.mkdirs, +1) {
		actions = append(actions, action{Do: doMkdir, Path: dir})
	}
	p.plan.actions = append(actions, p.puts...)
	slices.Sort(p.plan.summary.Removed)
	return &p.plan, nil
}

// sorted lists folders, parents first (+1) or last (-1).
func sorted(dirs map[string]bool, order int) []string {
	list := make([]string, 0, len(dirs))
	for dir := range dirs {
		list = append(list, dir)
	}
	slices.SortFunc(list, func(a, b string) int { return order * strings.Compare(a, b) })
	return list
}

// stale plans to remove a file of the earlier build that is not of this one.
func (p *planner) stale(old LockedFile) error {
	now, ok := p.w.names[strings.ToLower(old.Path)]
	if ok && now.spelled == old.Path && !now.folder {
		return nil
	}
	f, err := p.survey.at(old.Path)
	switch {
	case err != nil:
		return err
	case f.blocker != "" && !f.info.Mode().IsRegular():
		p.trouble.blocked(f.blocker, WhatIs(f.info.Mode()))
		return nil
	case f.kind == absent:
		return nil // gone already
	case f.kind != regular:
		p.trouble.blocked(old.Path, WhatIs(f.info.Mode()))
		return nil
	}
	if ok && !now.folder { // the names differ in case; on some systems that is one file
		k, info, err := p.w.d.lstat(now.spelled)
		if err != nil {
			return err
		}
		if k == regular && os.SameFile(info, f.info) {
			return nil
		}
	}
	sum, err := p.w.d.sum(old.Path)
	if err != nil {
		return err
	}
	if sum != old.SHA256 {
		p.trouble.edited(old.Path)
		if !p.w.o.Force {
			return nil
		}
	}
	p.remove(old.Path, sum)
	return nil
}

// remove plans to remove a file, and the folders that it leaves empty unless this build needs them.
func (p *planner) remove(path, sum string) {
	p.leaving[path] = true
	p.removals = append(p.removals, action{Do: doRemove, Path: path, ID: p.w.id(), Was: sum})
	p.plan.summary.Removed = append(p.plan.summary.Removed, path)
	for dir := parent(path); dir != "" && !p.w.names[strings.ToLower(dir)].folder; dir = parent(dir) {
		p.rmdirs[dir] = true
	}
}

// output plans to write a file.
func (p *planner) output(out *output) error {
	if out.id == 0 {
		p.plan.summary.Unchanged++
		return nil
	}
	f, err := p.survey.at(out.path)
	if err != nil {
		return err
	}
	was := ""
	switch {
	case f.blocker != "":
		if ok, err := p.unblock(f); err != nil || !ok {
			return err
		}
	case f.kind == other:
		p.trouble.blocked(out.path, WhatIs(f.info.Mode()))
		return nil
	case f.kind == folder:
		if ok, err := p.vacate(out.path); err != nil || !ok {
			return err
		}
	case f.kind == regular:
		if was, err = p.w.d.sum(out.path); err != nil {
			return err
		}
		if was == out.sum {
			if sameMode(f.info.Mode(), out.script) { // somebody has just written it
				out.id = 0
				p.plan.summary.Unchanged++
				return nil
			}
			break
		}
		switch old, owned := p.w.old.Find(out.path); {
		case !owned:
			p.trouble.foreign(out.path)
		case old.SHA256 != was:
			p.trouble.edited(out.path)
		}
	}
	p.puts = append(p.puts, action{Do: doPut, Path: out.path, ID: out.id, SHA256: out.sum, Was: was})
	p.plan.summary.Written = append(p.plan.summary.Written, out.path)
	return p.folders(out.path)
}

// folders plans to make the folders of a file that are missing.
func (p *planner) folders(path string) error {
	for dir := parent(path); dir != "" && !p.mkdirs[dir]; dir = parent(dir) {
		f, err := p.survey.folder(dir)
		if err != nil {
			return err
		}
		if f.kind == folder {
			return nil
		}
		p.mkdirs[dir] = true
	}
	return nil
}

// unblock clears away a file that stands where a folder must be; false if it may not.
func (p *planner) unblock(f found) (bool, error) {
	switch {
	case !f.info.Mode().IsRegular():
		p.trouble.blocked(f.blocker, WhatIs(f.info.Mode()))
		return false, nil
	case p.leaving[f.blocker]:
		return true, nil
	}
	p.trouble.foreign(f.blocker)
	if !p.w.o.Force {
		return false, nil
	}
	sum, err := p.w.d.sum(f.blocker)
	if err == nil {
		p.remove(f.blocker, sum)
	}
	return err == nil, err
}

// vacate tells whether a folder that stands where a file must be will be gone by then.
func (p *planner) vacate(dir string) (bool, error) {
	stranger, err := p.survey.stranger(dir, p.leaving)
	if err != nil {
		return false, err
	}
	switch stranger {
	case "":
		return true, nil
	case dir:
		p.trouble.blocked(dir, "a folder")
	default:
		p.trouble.blocked(dir, "a folder with other files in it ("+stranger+")")
	}
	return false, nil
}
