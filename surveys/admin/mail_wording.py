"""The words of a survey's mails, by language: checked when they are saved, seen on a real purchase before."""

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import AccessLog, User
from accounts.services import record_access
from affiliates.models import Product, Purchase
from surveys.admin.editor import Choice
from surveys.admin.samples import purchase_of
from surveys.drafting import faults_of_braces, language_name
from surveys.invitation_mail import REMINDER
from surveys.models import InvitationMail, Survey, Wave
from surveys.services.answering import without_controls
from surveys.services.previewing import Look, preview_mail
from surveys.services.sending import template_of

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

NAMES = ("name", "product", "brand")
# Whoever gets the mail must read what it is about; in discreet mode the name is «tu compra reciente».
REQUIRED = {"body": "product", f"{REMINDER}body": "product"}
ROOM = {"subject": 120, "preheader": 150, "body": 1500}  # characters
LABELS: Mapping[str, "StrPromise"] = {
    "subject": gettext_lazy("Subject"),
    "preheader": gettext_lazy("First line, shown beside the subject"),
    "body": gettext_lazy("Text above the question"),
}
MAILS: Mapping[str, "StrPromise"] = {"": gettext_lazy("The first mail"), REMINDER: gettext_lazy("The reminder")}


def mails_of(survey: Survey) -> dict[str, str]:
    """How a case ended is asked once, without a reminder."""
    return {mail: str(label) for mail, label in MAILS.items() if survey.wave != Wave.CLOSING or mail != REMINDER}


@dataclass(frozen=True)
class WordsRow:
    """One text of a mail in all languages, side by side, each with the standard words it stands for."""

    label: str
    boxes: list[tuple[BoundField, str, str]]  # the field, its language, the standard words


class MailForm(forms.Form):
    """A field is named by its language and its text, such as `es.subject`. Empty: as the standard says it."""

    def __init__(self, survey: Survey, data: Any = None) -> None:
        super().__init__(data, label_suffix="")
        self.survey = survey
        for language, key, text in self._texts():
            name, is_long = f"{language}.{key}", text == "body"
            attrs = {"lang": language, "dir": "auto", **({"rows": 5} if is_long else {})}
            widget = forms.Textarea(attrs=attrs) if is_long else forms.TextInput(attrs=attrs)
            self.fields[name] = forms.CharField(
                label=language_name(language).capitalize(), max_length=ROOM[text], required=False, widget=widget
            )
            self.initial[name] = survey.mail_texts.get(language, {}).get(key, "")

    def _texts(self) -> Iterator[tuple[str, str, str]]:
        for mail in mails_of(self.survey):
            for text in ROOM:
                for language in self.survey.brand.languages:
                    yield language, f"{mail}{text}", text

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for language, key, text in self._texts():
            name = f"{language}.{key}"
            if name not in cleaned:
                continue
            if text != "body" and "\n" in without_controls(self.data.get(name, "").strip()):
                self.add_error(name, _("This is one line in the mailbox, so it cannot have two."))
                continue
            said = cleaned[name] = without_controls(cleaned[name]).strip()
            for fault in faults_of(said, REQUIRED.get(key, "")):
                self.add_error(name, fault)
        return cleaned

    @property
    def said(self) -> dict[str, dict[str, str]]:
        """By language and text, also what is not valid yet; empty texts left out."""
        said: dict[str, dict[str, str]] = {}
        for language, key, _text in self._texts():
            words = self.data.get(f"{language}.{key}", "") if self.is_bound else self.initial[f"{language}.{key}"]
            if words.strip():
                said.setdefault(language, {})[key] = without_controls(words).strip()
        return said

    @property
    def mails(self) -> list[tuple[str, list[WordsRow]]]:
        return [(label, [self._row(mail, text) for text in ROOM]) for mail, label in mails_of(self.survey).items()]

    def _row(self, mail: str, text: str) -> WordsRow:
        languages = self.survey.brand.languages
        return WordsRow(
            str(LABELS[text]),
            [(self[f"{code}.{mail}{text}"], code, standard_words(self.survey, mail, text, code)) for code in languages],
        )


def faults_of(text: str, required: str = "") -> Iterator[str]:
    yield from faults_of_braces(text, NAMES)
    if text and required and f"{{{required}}}" not in text:
        # Translators: %(name)s is what stands in braces, such as {product}.
        yield _("It must say %(name)s, so that people know what it is about.") % {"name": f"{{{required}}}"}


def standard_words(survey: Survey, mail: str, text: str, language: str) -> str:
    """What is sent where nothing is written: the templates' own words, for goods, with the names in braces."""
    kind = InvitationMail.Kind.REMINDER if mail else InvitationMail.Kind.FIRST
    folder, _slash, name = template_of(survey.wave, kind).partition("/")
    template = {"subject": f"{name}/subject.txt", "preheader": "_preheader.txt", "body": f"_{name}.txt"}[text]
    context = {
        **{each: f"{{{each}}}" for each in NAMES},
        "brand_name": "{brand}",
        "kind": Product.Kind.GOODS,
        "wave": survey.wave,
        "is_discreet": survey.brand.is_discreet,
        "texts": {},
    }
    with translation.override(survey.brand.voice(language)):
        return render_to_string(f"{folder}/emails/{template}", context).strip()


# --- Seen on a real purchase -----------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Sample:
    """Whose mail is shown beside the editor: which of the two, in which language, of which order."""

    purchase: Purchase | None
    language: str
    mail: str

    @classmethod
    def of(cls, data: Mapping[str, Any], survey: Survey) -> "Sample":
        language, mail = data.get("preview_language", ""), data.get("preview_mail", "")
        return cls(
            purchase_of(survey.brand, data.get("preview_order", "")),
            language if language in survey.brand.languages else survey.brand.default_language,
            mail if mail in mails_of(survey) else "",
        )

    def look(self, survey: Survey, said: dict[str, dict[str, str]]) -> Look | None:
        """The survey with these words, which are not stored."""
        if self.purchase is None:
            return None
        worded = copy(survey)
        worded.mail_texts = said
        kind = InvitationMail.Kind.REMINDER if self.mail else InvitationMail.Kind.FIRST
        return Look(worded, self.purchase, self.language, kind)


def mail_context(survey: Survey, form: MailForm, data: Mapping[str, Any]) -> dict[str, Any]:
    sample = Sample.of(data, survey)
    languages = [Choice(code, language_name(code), code == sample.language) for code in survey.brand.languages]
    mails = [Choice(mail, label, mail == sample.mail) for mail, label in mails_of(survey).items()]
    return {
        "survey": survey,
        "form": form,
        "names": [f"{{{name}}}" for name in NAMES],
        "sample": sample,
        "languages": languages,
        "mails": mails,
        "title": _("The words of the mail"),
    }


def render_sample(request: HttpRequest, survey: Survey, form: MailForm, *, user: User) -> HttpResponse:
    """The mail with the words as they stand in the form, as the customer of the purchase would get it."""
    sample = Sample.of(request.POST if request.method == "POST" else request.GET, survey)
    look, now = sample.look(survey, form.said), timezone.now()
    context: dict[str, Any] = {}
    if look is None:
        context["refusal"] = _("There is no such order of this brand yet, so there is nothing to show.")
    else:
        try:
            context["message"], _token = preview_mail(look, to=user.email, now=now)
        except ValidationError as refusal:
            context["refusal"] = " ".join(refusal.messages)
        else:
            note_access(user, look, now=now)
    return render(request, "admin/surveys/mail_preview.html", context)


def note_access(user: User, look: Look, *, now: datetime) -> None:
    """It names a customer, so who saw it is recorded; once an hour, not at every word that is typed."""
    seen = {"object_type": "purchase", "object_id": str(look.purchase.pk)}
    noted = AccessLog.objects.filter(brand=look.brand, user=user, at__gt=now - timedelta(hours=1), **seen)
    if not noted.exists():
        record_access(user, look.brand, purpose=AccessLog.Purpose.VIEW, **seen)
