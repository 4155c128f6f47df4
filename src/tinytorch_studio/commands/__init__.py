"""The commands of `tt`: one file for each family; `cli` finds them by name."""
