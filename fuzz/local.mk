# Fuzz entry points.
