"""VGG-shaped feature networks and their weights."""
