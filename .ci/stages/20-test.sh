# The gate that people run.
make test
