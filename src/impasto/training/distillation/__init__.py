"""A small feature network, trained from a large one."""
