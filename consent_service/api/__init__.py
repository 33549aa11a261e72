"""The machines' door: JSON over HTTP, for candidates' apps and for units."""
