# What more than one stage needs, and the downloads, so that the figures of the stages after it are work alone.
. .ci/lib.sh
need git
need make
go version
go mod download
