# Every fuzz target, briefly: enough to see that it works and that nothing near its seeds breaks.
make fuzz FUZZTIME=5s
