# Every fuzz target, briefly: enough to see that it works and that nothing near its seeds breaks. By number of runs, not by
# time: at the end of a time Go's engine can call its own deadline a failure of the target.
make fuzz FUZZTIME=2000x
