"""The sandbox: the command `tt`."""
