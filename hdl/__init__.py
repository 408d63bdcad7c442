"""Hardware: components in Amaranth, and the netlist they make."""
