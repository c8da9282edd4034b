"""What can be done with guidelines apart from judging by them: check, coverage, difference, import and export."""
