"""What customers may ask for: to be erased, to be told what is held of them, to be left in peace."""
