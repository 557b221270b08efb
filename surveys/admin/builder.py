"""The questionnaires of a brand."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnlyAdmin, ReadOnlyInline
from surveys.models import Question, Survey
from surveys.wording import in_language


class QuestionInline(ReadOnlyInline):
    model = Question
    fields = readonly_fields = ("text", "key", "kind", "is_required")
    ordering = ("position",)

    @admin.display(description=_("question"))
    def text(self, question: Question) -> str:
        return in_language(question.texts, question.survey.brand.default_language)


@admin.register(Survey)
class SurveyAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "brand", "wave", "version", "status", "published_at")
    list_select_related = ("brand",)
    list_filter = ("status", "wave")
    ordering = ("brand", "wave", "-version")
    inlines = (QuestionInline,)
