"""The optimization of Gatys, Ecker and Bethge."""
