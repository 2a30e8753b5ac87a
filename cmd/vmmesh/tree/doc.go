// Package tree writes the output directory: all of a build, or nothing of it.
//
// # What is promised
//
// Nothing outside DIR/.vmmesh.work changes before [Writer.Commit]. A build that fails leaves DIR as it was. One that
// is killed leaves it as it was, or half way with a journal, and the next [Open] completes it before anything else.
// A file that vmmesh did not write, or that was edited since, is not overwritten and not removed unless
// [Options].Force says so. Symbolic links inside DIR are never followed, not even with Force; DIR itself may be one.
// A file that already has the right content is not touched. Two builds never write to one DIR at a time.
//
// # .vmmesh.lock
//
// The lock says what vmmesh owns in DIR. It is JSON, one file a line, so that a version control system shows and
// merges it well:
//
//	{
//	  "format": 1,
//	  "spec": "<sha256 of the spec, 64 hex digits, or empty>",
//	  "files": [
//	    {"path": "RUNBOOK.md", "sha256": "<64 hex digits>"},
//	    {"path": "vms/scripts/install.sh", "sha256": "<64 hex digits>", "mode": "0755"}
//	  ],
//	  "source": [
//	    "apiVersion: vmmesh.dev/v1alpha1",
//	    "<the other lines of the spec, without its comments>"
//	  ]
//	}
//
// Paths have slashes, start below DIR and are sorted by bytes. A mode stands only where it is 0755; all other files
// are 0644, both less the umask. The source is what import restores the spec from; it may be absent. There is no time, host or tool version in it: same spec, same bytes. A lock that is
// damaged, is no lock or has a higher format is an error, with Force too: without it nobody knows which files are the
// user's.
//
// # DIR/.vmmesh.work
//
// The work folder exists only while a build runs, or after one was killed:
//
//	lock       locked by the running process; the kernel lets go of it when the process dies
//	stage/N    new files, as the data came
//	backup/N   the old files that were replaced or removed
//	journal    what Commit is doing: there from the moment when all is staged until all is in place
//	undo       the journal under another name: what could not be finished is being taken back
//
// It is inside DIR and not beside it, because files can be renamed only within one file system, and DIR is often a
// mount of its own (a container's volume) in a parent that cannot be written to.
//
// The journal is a list of actions, each of which can be repeated and taken back, so a process may die anywhere: with
// a journal the next Open repeats them all, with an undo file it takes them all back, with neither DIR is untouched.
//
// # Power cuts
//
// Only the journal and the lock are forced to disk (fsync), not each file: for 5,000 small files that was measured to
// cost a second or more, and a build can always be repeated. After a power cut a file may thus be empty. Where the
// commit was not finished, the next Open sees it by the checksums in the journal and takes the commit back; where it
// was, the file is reported as edited, and Force writes it again.
package tree
