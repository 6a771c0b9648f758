"""What runs on a cluster: Ray's sessions, and what is spread over their machines."""
