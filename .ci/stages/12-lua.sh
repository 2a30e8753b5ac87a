# What tests need besides Go: the language of Argo CD's health checks.
. .ci/lib.sh
need lua5.1
