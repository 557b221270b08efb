"""`manage.py bench`: how far the product is from what the machine could do, as ratios measured in one run."""
