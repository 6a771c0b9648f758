"""Pictures: files in and out, sizes, colours, masks."""
