"""The portal: what an affiliate's customers say, shown to the affiliate, and to staff as the affiliate sees it."""
