"""The optimisation of Gatys, Ecker and Bethge."""
