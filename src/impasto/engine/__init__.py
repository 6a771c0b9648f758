"""The engine and its quirks: nothing else knows which one runs."""
