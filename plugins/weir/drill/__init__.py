"""The drill: faults on a real stack under a steady load, and afterwards a comparison of every count with the truth of what was sent."""
