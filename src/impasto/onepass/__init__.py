"""One pass: any style at once."""
