"""What trains networks."""
