"""How every number on the pages of the demo is made anew, by the libraries of the field and by textbook formulas."""
