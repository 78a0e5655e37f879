"""Figures as inline SVG. Each function takes plain values and returns one `<svg>` element as text.

Text stays text and colours are the page's own variables, so a figure follows the reader's light or dark theme.
"""
