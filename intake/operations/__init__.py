"""How the installation does: figures of now, a reading a minute for what was, and what of it is trouble."""
