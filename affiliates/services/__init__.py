from affiliates.services.inputs import CustomerInput, FieldError, ProductInput, PurchaseInput, Recorded
from affiliates.services.recording import record_purchases

__all__ = ["CustomerInput", "FieldError", "ProductInput", "PurchaseInput", "Recorded", "record_purchases"]
