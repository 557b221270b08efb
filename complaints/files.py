"""Which files may come with a case, told by their bytes alone: neither a name nor a browser is believed."""

from dataclasses import dataclass
from io import BytesIO

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from PIL import Image, ImageOps

MOST_BYTES = 10 * 1024 * 1024  # of one file
MOST_FILES = 5  # with one message
MOST_PIXELS = 50_000_000  # a picture that unpacks to more is no photo
PICTURES = {"JPEG": ("image/jpeg", ".jpg"), "PNG": ("image/png", ".png"), "WEBP": ("image/webp", ".webp")}
KEPT = ("icc_profile", "transparency", "gamma")  # of what a picture says about itself: how it is shown
LONGEST_NAME = 120


@dataclass(frozen=True)
class CheckedFile:
    """A file that may be stored and served."""

    name: str
    content_type: str
    data: bytes


def check_file(name: str, data: bytes) -> CheckedFile:
    """A JPEG, PNG or WebP picture, written anew and so without where and with what it was taken; or a PDF.

    ValidationError: it is anything else, too large, or damaged.
    """
    if len(data) > MOST_BYTES:
        message = _("“%(name)s” is too large: %(count)d MB at most.")
        raise ValidationError(message, code="too_large", params={"name": name, "count": MOST_BYTES // 1024 // 1024})
    if data[:1024].lstrip().startswith(b"%PDF-"):
        return CheckedFile(safe_name(name, ".pdf"), "application/pdf", data)
    return check_picture(name, data)


def check_picture(name: str, data: bytes) -> CheckedFile:
    refusal = ValidationError(
        _("“%(name)s” is neither a picture (JPEG, PNG, WebP) nor a PDF."), code="unknown_type", params={"name": name}
    )
    try:
        with Image.open(BytesIO(data), formats=list(PICTURES)) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise ValueError("too many pixels")
            # What phones take in several exposures is a JPEG with more behind it.
            form = "JPEG" if picture.format == "MPO" else str(picture.format)
            content_type, suffix = PICTURES[form]
            upright = ImageOps.exif_transpose(picture)
            upright.info = {name: value for name, value in upright.info.items() if name in KEPT}
            written = BytesIO()
            upright.save(written, form, **({"quality": 88} if form != "PNG" else {}))
    except Exception as damaged:  # the library stumbles over what a picture says of itself in ways of its own
        raise refusal from damaged
    return CheckedFile(safe_name(name, suffix), content_type, written.getvalue())


def safe_name(name: str, suffix: str) -> str:
    """What it was called, without folders, control characters, or an ending that is not its own."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    plain = "".join(char for char in last if char.isprintable() and char not in '<>:"|?*').strip(" .")
    stem = plain.rpartition(".")[0] or plain
    return f"{stem[: LONGEST_NAME - len(suffix)] or 'file'}{suffix}"
