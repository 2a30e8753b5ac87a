# One small and one large fleet. The figures are for reading: CPU time on a shared machine is no verdict, so the only
# mark that can fail is memory, which does not depend on the neighbours. That all contenders make the same objects is
# always checked.
make bench-tools
make bench BENCHFLAGS='-sizes=10,10000 -runs=3 -enforce=memory'
