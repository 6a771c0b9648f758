"""One picture's work, many pictures' work."""
