"""One picture's optimization spread over several workers, each of which keeps a part of it."""
