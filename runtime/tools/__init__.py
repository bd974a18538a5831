"""Tools that are functions of the program: their definitions, their runs and their results."""
