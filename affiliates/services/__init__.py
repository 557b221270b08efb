from affiliates.services.changes import PurchaseConflict, change_purchase, record_refund
from affiliates.services.corrections import correct_attribution
from affiliates.services.inputs import CustomerInput, FieldError, ProductInput, PurchaseInput, Recorded
from affiliates.services.links import (
    CodeTaken,
    check_code,
    create_affiliate,
    create_link,
    destination_error,
    is_code,
    kind_of_visit,
    record_click,
)
from affiliates.services.recording import record_purchases

__all__ = [
    "CodeTaken",
    "CustomerInput",
    "FieldError",
    "ProductInput",
    "PurchaseConflict",
    "PurchaseInput",
    "Recorded",
    "change_purchase",
    "check_code",
    "correct_attribution",
    "create_affiliate",
    "create_link",
    "destination_error",
    "is_code",
    "kind_of_visit",
    "record_click",
    "record_purchases",
    "record_refund",
]
