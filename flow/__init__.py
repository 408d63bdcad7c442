"""What a person does with it: the command line, reports, plots."""
