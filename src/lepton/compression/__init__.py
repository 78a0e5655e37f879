"""Smaller and faster with every task within its tolerance: prune, distil, quantise, export."""
