"""Pages, pictures and terminal tables, drawn from plain results."""
