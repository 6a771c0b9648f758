"""Pictures: files in and out, sizes, colors, masks."""
