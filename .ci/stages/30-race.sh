# Every test once more, under the race detector.
. .ci/lib.sh
need gcc build-essential
make race
