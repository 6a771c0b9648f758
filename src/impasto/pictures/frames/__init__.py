"""Clips: videos, animations and numbered pictures as streams of frames, and back."""
